import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabMariaDb, type MariaDbLogin, startMariaDb } from './mariadb.js';

let lab: LabMariaDb;
beforeAll(async () => {
  lab = await startMariaDb();
});
afterAll(async () => {
  await lab?.close();
});

async function query(login: MariaDbLogin, sql: string, extra: object = {}): Promise<RowDataPacket[]> {
  const { host, port, database } = lab;
  // As text, because a number cannot hold every 64-bit integer.
  const exact = { supportBigNumbers: true, bigNumberStrings: true, dateStrings: true };
  const connection = await createConnection({ host, port, database, ...login, ...exact, ...extra });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

describe('the MariaDB of the lab', () => {
  it('shows each login only its own rows of the same view', async () => {
    const sql = 'select owner, count(*) as n from orders group by owner';
    expect(await query(lab.roles.alice, sql)).toEqual([{ owner: 'alice', n: '5' }]);
    expect(await query(lab.roles.bob, sql)).toEqual([{ owner: 'bob', n: '3' }]);
    expect(await query(lab.admin, 'select count(*) as n from all_orders')).toEqual([{ n: '8' }]);
  });

  it('refuses a wrong password and tables without rights', async () => {
    const wrong = { user: 'alice', password: lab.roles.bob.password };
    await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' });
    for (const table of ['salaries', 'all_orders']) {
      const refused = query(lab.roles.alice, `select * from ${table}`);
      await expect(refused).rejects.toMatchObject({ code: 'ER_TABLEACCESS_DENIED_ERROR' });
    }
  });

  it('proves its certificate', async () => {
    const rows = await query(lab.roles.alice, "show session status like 'Ssl_version'", {
      ssl: { ca: lab.ca },
    });
    expect(rows[0]?.['Value']).toMatch(/^TLSv1/);
  });

  it('holds the extremes of every type and a million generated rows', async () => {
    const [first, second, third] = await query(lab.roles.bob, 'select * from all_types order by id');
    expect(first).toMatchObject({
      c_ubig: '18446744073709551615',
      c_varchar: 'grinning 😀 "quoted", comma',
      c_datetime: '2024-02-29 12:34:56.789012',
    });
    expect(second).toMatchObject({ c_big: '-9223372036854775808', c_decimal: '-0.0000000001', c_text: '' });
    expect(Object.values(third ?? {}).filter((value) => value !== null)).toEqual([3]);
    expect(await query(lab.roles.bob, 'select count(*) as n, max(id) as last from big')).toEqual([
      { n: '1000000', last: '1000000' },
    ]);
  });

  it('leaves nothing behind when it is closed, twice', async () => {
    const other = await startMariaDb();
    await Promise.all([other.close(), other.close()]);
    await expect(
      createConnection({ host: other.host, port: other.port, ...other.admin }),
    ).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});
