import { knowSecret } from '@mooring/lab/known-secrets';
import pg from 'pg';
import { newHex } from '../core/crypto/random.js';
import { openPostgresStore } from '../core/store/postgres-store.js';
import { migrate } from '../core/store/store.js';
import { expectNoSecretIn } from './secret-scan.js';

// Fresh databases on one real PostgreSQL, for tests of a store that several nodes share.

/** Login and address of a superuser, as `startPostgres` of the lab gives them. */
export interface DatabaseServer {
  host: string;
  port: number;
  admin: { user: string; password: string };
}

export interface FreshDatabase {
  /** For MOORING_DATABASE_URL. */
  url: string;
  /** Every row of every table, as JSON. */
  text(): Promise<string>;
  run(statement: string): Promise<void>;
  /** @throws Error when a row holds a known secret */
  drop(): Promise<void>;
}

async function asAdmin<Result>(
  { host, port, admin }: DatabaseServer,
  database: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ host, port, database, ...admin });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function textOf(client: pg.Client): Promise<string> {
  const tables = await client.query("select tablename from pg_tables where schemaname = 'public'");
  const texts: string[] = [];
  for (const { tablename } of tables.rows) {
    // Not PostgreSQL's text form of a row, which doubles quotes and backslashes.
    const table = pg.escapeIdentifier(tablename);
    const { rows } = await client.query(`select row_to_json(t)::text as row from ${table} as t`);
    texts.push(...rows.map(({ row }) => String(row)));
  }
  return texts.join('\n');
}

/** In a locale whose order differs from code points, so that nothing depends on it. */
const emptyInLocale = "template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'";

const urlOf = ({ host, port, admin }: DatabaseServer, name: string): string =>
  `postgres://${encodeURIComponent(admin.user)}:${encodeURIComponent(admin.password)}@${host}:${port}/${name}`;

const templateName = 'mooring_template';
const templates = new Map<string, Promise<unknown>>();

/** Creates the tables once for all workers, so that databases copied from it need no migrations. */
async function makeTemplate(server: DatabaseServer): Promise<void> {
  await asAdmin(server, 'postgres', async (client) => {
    // Until the connection ends.
    await client.query('select pg_advisory_lock(1)');
    const { rowCount } = await client.query(`select 1 from pg_database where datname = '${templateName}'`);
    if (rowCount) return;
    const name = `mooring_${newHex(8)}`;
    await client.query(`create database ${name} ${emptyInLocale}`);
    const store = openPostgresStore({ url: urlOf(server, name), patienceMs: 60_000, connectionsMax: 1 });
    await migrate(store);
    await store.close();
    await client.query(`alter database ${name} rename to ${templateName}`);
  });
}

async function originOf(server: DatabaseServer, withTables: boolean): Promise<string> {
  if (!withTables) return emptyInLocale;
  const { host, port } = server;
  const made = templates.get(`${host}:${port}`) ?? makeTemplate(server);
  templates.set(`${host}:${port}`, made);
  await made;
  return `template ${templateName}`;
}

/**
 * A database of its own.
 * @param options `withTables`: with those of this version, and no rows; else empty.
 * `tablespace`: in which it lies; the server's own unless given
 */
export async function freshDatabase(
  server: DatabaseServer,
  { withTables = false, tablespace = 'pg_default' }: { withTables?: boolean; tablespace?: string } = {},
): Promise<FreshDatabase> {
  const name = `mooring_${newHex(8)}`;
  const origin = await originOf(server, withTables);
  await asAdmin(server, 'postgres', (client) =>
    client.query(`create database ${name} ${origin} tablespace ${tablespace}`),
  );
  knowSecret('password of the database', server.admin.password);
  return {
    url: urlOf(server, name),
    text: () => asAdmin(server, name, textOf),
    async run(statement) {
      await asAdmin(server, name, (client) => client.query(statement));
    },
    async drop() {
      const rows = { name: 'the database', bytes: Buffer.from(await asAdmin(server, name, textOf)) };
      await asAdmin(server, 'postgres', (client) =>
        client.query(`drop database if exists ${name} with (force)`),
      );
      expectNoSecretIn([rows]);
    },
  };
}
