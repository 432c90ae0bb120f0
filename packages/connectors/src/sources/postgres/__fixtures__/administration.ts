import type { LabPostgres } from '@mooring/lab/postgres';
import pg from 'pg';

export async function withAdmin<Result>(lab: LabPostgres, work: (client: pg.Client) => Promise<Result>) {
  const { host, port, database, admin } = lab;
  const client = new pg.Client({ host, port, database, ...admin });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** @param from what follows `from` in a statement */
export const countOf = (lab: LabPostgres, from: string): Promise<number> =>
  withAdmin(lab, async (client) =>
    Number((await client.query(`select count(*) from ${from}`)).rows[0].count),
  );

export const isRunning = async (lab: LabPostgres, marker: string): Promise<boolean> => {
  const others = `pg_stat_activity where state = 'active' and pid <> pg_backend_pid()`;
  return (await countOf(lab, `${others} and query like '%${marker}%'`)) > 0;
};
