import { knowSecret } from '@mooring/lab/known-secrets';
import pg from 'pg';
import { newHex } from '../vault/random.js';
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
    // Not as PostgreSQL's own text of a row, whose quotes and backslashes are doubled.
    const table = pg.escapeIdentifier(tablename);
    const { rows } = await client.query(`select row_to_json(t)::text as row from ${table} as t`);
    texts.push(...rows.map(({ row }) => String(row)));
  }
  return texts.join('\n');
}

/**
 * A database of its own, in a locale whose order is not that of code points, so that nothing rests on it.
 * @param tablespace in which it lies; the server's own unless given
 */
export async function freshDatabase(
  server: DatabaseServer,
  tablespace = 'pg_default',
): Promise<FreshDatabase> {
  const name = `mooring_${newHex(8)}`;
  const locale = "encoding 'UTF8' locale_provider icu icu_locale 'en-US'";
  await asAdmin(server, 'postgres', (client) =>
    client.query(`create database ${name} template template0 ${locale} tablespace ${tablespace}`),
  );
  const { user, password } = server.admin;
  knowSecret('password of the database', password);
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return {
    url: `postgres://${login}@${server.host}:${server.port}/${name}`,
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
