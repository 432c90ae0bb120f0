import type { LabMariaDb } from '@mooring/lab/mariadb';
import mysql from 'mysql2/promise';

export async function asAdmin({ host, port, admin }: LabMariaDb, ...statements: string[]): Promise<void> {
  const connection = await mysql.createConnection({ host, port, ...admin });
  for (const statement of statements) await connection.query(statement);
  await connection.end();
}

/** @param from what follows `from` in a statement */
export async function countOf({ host, port, admin }: LabMariaDb, from: string): Promise<number> {
  const connection = await mysql.createConnection({ host, port, ...admin });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(`select count(*) as n from ${from}`);
    return Number(rows[0]?.['n']);
  } finally {
    await connection.end();
  }
}

export const isRunning = async (lab: LabMariaDb, marker: string): Promise<boolean> => {
  const others = `information_schema.processlist where id <> connection_id() and command in ('Execute', 'Query')`;
  return (await countOf(lab, `${others} and info like '%${marker}%'`)) > 0;
};
