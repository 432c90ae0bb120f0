import pg from 'pg';
import { newHex } from '../vault/random.js';

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
  /** Every row of every table. */
  text(): Promise<string>;
  run(statement: string): Promise<void>;
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
    const { rows } = await client.query(`select t::text as row from ${pg.escapeIdentifier(tablename)} as t`);
    texts.push(...rows.map(({ row }) => String(row)));
  }
  return texts.join('\n');
}

/** A database of its own, in a locale whose order is not that of code points, so that nothing rests on it. */
export async function freshDatabase(server: DatabaseServer): Promise<FreshDatabase> {
  const name = `mooring_${newHex(8)}`;
  const locale = "encoding 'UTF8' locale_provider icu icu_locale 'en-US'";
  await asAdmin(server, 'postgres', (client) =>
    client.query(`create database ${name} template template0 ${locale}`),
  );
  const { user, password } = server.admin;
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return {
    url: `postgres://${login}@${server.host}:${server.port}/${name}`,
    text: () => asAdmin(server, name, textOf),
    async run(statement) {
      await asAdmin(server, name, (client) => client.query(statement));
    },
    async drop() {
      await asAdmin(server, 'postgres', (client) =>
        client.query(`drop database if exists ${name} with (force)`),
      );
    },
  };
}
