import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCertificateAuthority } from './certificate-authority.js';
import { type LabPostgres, type PostgresLogin, startPostgres } from './postgres.js';

let lab: LabPostgres;
beforeAll(async () => {
  lab = await startPostgres({ rowsInBig: 1000 });
});
afterAll(async () => {
  await lab?.close();
});

async function query(login: PostgresLogin, sql: string, extra: pg.ClientConfig = {}) {
  const { host, port, database } = lab;
  const client = new pg.Client({ host, port, database, ...login, ...extra });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the PostgreSQL of the lab', () => {
  it('shows each login only its own rows of the same table and view', async () => {
    const owners = 'select distinct owner, count(*)::int as n from sales.orders group by owner';
    expect(await query(lab.roles.alice, owners)).toEqual([{ owner: 'alice', n: 5 }]);
    expect(await query(lab.roles.bob, owners)).toEqual([{ owner: 'bob', n: 3 }]);
    expect(await query(lab.roles.reader, owners)).toHaveLength(22);
    expect(await query(lab.roles.bob, 'select * from sales.order_totals')).toHaveLength(3);
    for (const login of lab.persons) {
      expect(await query(login, owners)).toEqual([{ owner: login.user, n: 4 }]);
    }
  });

  it('refuses a wrong password, a foreign password and a table without rights', async () => {
    const wrong = { user: 'alice', password: lab.roles.bob.password };
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    await expect(query({ user: 'alice', password: '' }, 'select 1')).rejects.toThrow();
    await expect(query(lab.roles.alice, 'select * from sales.salaries')).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('proves its certificate for 127.0.0.1 and localhost, and not for another address or authority', async () => {
    const trusted = { ssl: { ca: lab.ca } };
    const sql = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
    expect(await query(lab.roles.alice, sql, trusted)).toEqual([{ ssl: true }]);
    expect(await query(lab.roles.alice, sql, { ...trusted, host: 'localhost' })).toEqual([{ ssl: true }]);
    const elsewhere = query(lab.roles.alice, sql, { ...trusted, host: lab.hostOutsideCertificate });
    await expect(elsewhere).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    const stranger = { ssl: { ca: createCertificateAuthority().ca } };
    await expect(query(lab.roles.alice, sql, stranger)).rejects.toThrow(/certificate|signature/);
  });

  it('holds the extremes of every type and generates as many rows as asked', async () => {
    const [first, second, third] = await query(lab.roles.alice, 'select * from sales.all_types order by id');
    expect(first).toMatchObject({ c_int8: '9223372036854775807', c_text: expect.stringContaining('😀') });
    expect(second).toMatchObject({ c_numeric: '-0.0000000001', c_text: '' });
    expect(Object.values(third ?? {}).filter((value) => value !== null)).toEqual([3]);
    expect(await query(lab.roles.bob, 'select count(*)::int as n, max(id) as last from sales.big')).toEqual([
      { n: 1000, last: 1000 },
    ]);
    expect(await query(lab.roles.bob, 'select * from "Odd Schema"."100% of it; drop table"')).toEqual([
      { select: 42 },
    ]);
  });

  it('runs two at once with different passwords, and leaves no process, port or folder', async () => {
    const ownTemp = await mkdtemp(join(tmpdir(), 'lab-test-'));
    // The server's user has to get through.
    await chmod(ownTemp, 0o755);
    const temp = tmpdir();
    vi.stubEnv('TMPDIR', ownTemp);
    const second = await startPostgres({ rowsInBig: 1 });
    expect(second.roles.alice.password).not.toBe(lab.roles.alice.password);
    await Promise.all([second.close(), second.close()]);
    const socket = createConnection({ host: second.host, port: second.port });
    const [error] = await once(socket, 'error').catch((reason) => [reason]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await readdir(ownTemp)).toEqual([]);
    // Not unstubbed: child processes would still get a variable that was not there before.
    vi.stubEnv('TMPDIR', temp);
    await rm(ownTemp, { recursive: true });
  });
});
