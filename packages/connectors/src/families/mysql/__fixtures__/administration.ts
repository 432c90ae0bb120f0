import type { LabMariaDb } from '@mooring/lab/mariadb';
import mysql from 'mysql2/promise';

/** Runs statements as the administrator. @returns the rows of the last one, as lists */
export async function asAdmin(lab: LabMariaDb, ...statements: string[]): Promise<unknown[][]> {
  const { host, port, admin } = lab;
  const connection = await mysql.createConnection({ host, port, ...admin, rowsAsArray: true });
  try {
    let last: unknown = [];
    for (const statement of statements) [last] = await connection.query(statement);
    return last as unknown[][];
  } finally {
    await connection.end();
  }
}

export const countOf = async (lab: LabMariaDb, from: string): Promise<number> =>
  Number((await asAdmin(lab, `select count(*) from ${from}`))[0]?.[0]);

export const isRunning = async (lab: LabMariaDb, marker: string): Promise<boolean> => {
  const others = `information_schema.processlist where id <> connection_id() and command in ('Execute', 'Query')`;
  return (await countOf(lab, `${others} and info like '%${marker}%'`)) > 0;
};
