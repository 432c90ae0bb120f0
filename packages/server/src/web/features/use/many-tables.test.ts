import { startPostgres } from '@mooring/lab/postgres';
import pg from 'pg';
import { expect, it } from 'vitest';
import { apiClient } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';

const tables = 3000;
const pageMax = 1000;
/** Markup, a right-to-left override, control characters, quotes, and a letter beyond the basic plane. */
const names = ['<img src=x onerror=alert(1)>', 'abc‮gpj', 'line\nbreak\ttab', `"; DROP TABLE x --'`, '𝒳'];

it('D24: a source with very many tables is browsed in pages, and unusual names come back unchanged', async () => {
  const lab = await startPostgres({ rowsInBig: 1 });
  const server = await startServer();
  const client = new pg.Client({ host: '127.0.0.1', port: lab.port, database: lab.database, ...lab.admin });
  try {
    await client.connect();
    const { user: username, password } = lab.roles.alice;
    await client.query(
      `CREATE SCHEMA many; GRANT USAGE ON SCHEMA many TO ${username};
       DO $$ BEGIN FOR i IN 1..${tables} LOOP
         EXECUTE format('CREATE TABLE many.t%s (); GRANT SELECT ON many.t%s TO ${username}', i, i);
       END LOOP; END $$`,
    );
    for (const name of names) {
      const table = `many.${pg.escapeIdentifier(name)}`;
      await client.query(`CREATE TABLE ${table} (a int); GRANT SELECT ON ${table} TO ${username}`);
    }
    const admin = apiClient(server.url, server.adminKey);
    const made = await admin.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: 'many',
      connectionProperties: {
        ...{ host: '127.0.0.1', port: lab.port, db: lab.database, sslmode: 'disable', username, password },
      },
    });
    expect(made.status, made.text).toBe(201);
    const actions = `/api/v1/data-connections/${made.body.qID}/actions`;
    const seen: string[] = [];
    let page: string | undefined;
    do {
      const answer = await admin.post(`${actions}/browse`, { path: ['many'], ...(page ? { page } : {}) });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.headers.get('content-type')).toContain('application/json');
      expect(answer.body.items.length).toBeLessThanOrEqual(pageMax);
      seen.push(...answer.body.items.map(({ name }: { name: string }) => name));
      page = answer.body.next;
    } while (page !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(tables + names.length);
    expect(seen).toEqual(expect.arrayContaining(names));
    for (const name of names) {
      const answer = await admin.post(`${actions}/preview`, { path: ['many', name] });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body.columns).toMatchObject([{ name: 'a' }]);
    }
    expect((await admin.post(`${actions}/browse`, { path: ['many'], limit: pageMax + 1 })).status).toBe(400);
  } finally {
    await client.end();
    await server.close();
    await lab.close();
  }
});
