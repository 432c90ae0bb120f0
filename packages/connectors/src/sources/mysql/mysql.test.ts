import mysql from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { asAdmin } from '../../families/mysql/__fixtures__/administration.js';
import { jsonTextOf } from '../../interface/data-types.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { harness } from './harness.js';
import { source } from './source.js';

const server = realServer();
const { rowsOf, failsWith } = server;

describeSource(source, { start: () => harness.on(server.lab) });

describe('values of MySQL', () => {
  it('keeps every character after a session was used, whatever the server prefers', async () => {
    const { host, port, admin } = server.lab;
    const connection = await mysql.createConnection({ host, port, ...admin });
    const prefer = async (charset: string) => {
      for (const of of ['client', 'connection', 'results']) {
        await connection.query(`set global character_set_${of} = ${charset}`);
      }
    };
    await prefer('latin1');
    await server.bench.within(async (session) => {
      const query = `select '大阪 😀' as name`;
      for (let round = 0; round < 2; round += 1) {
        expect(await allBatches(await session.read({ query, batchRows: 1 }))).toEqual([[['大阪 😀']]]);
      }
    });
    await prefer('utf8mb4');
    await connection.end();
  });

  it('D10: returns columns named __proto__ literally', async () => {
    await server.bench.within(async (session) => {
      const stream = await session.read({
        query: 'select 1 as `__proto__`, 2 as `constructor`',
        batchRows: 1,
      });
      expect(stream.columns.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
      expect(await allBatches(stream)).toEqual([[[1, 2]]]);
    });
  });

  it('keeps every digit of floats', async () => {
    const query =
      'select cast(16777215 as float), cast(0.1 as double) + 0.2, cast(123456789012345680 as double)';
    expect(await rowsOf({ query })).toEqual([[16777215, 0.1 + 0.2, 123456789012345680]]);
  });

  it('returns single-precision numbers, geometry and bits as they were written', async () => {
    const query = `select cast(0.1 as float), point(1, 2.5), b'1' + 0, cast('x' as binary), timestamp'2024-01-01 00:00:00'`;
    expect(await rowsOf({ query })).toEqual([
      [0.1, 'POINT(1 2.5)', expect.anything(), 'eA==', '2024-01-01T00:00:00'],
    ]);
  });

  it('VA15: returns the kind and the SRID of a geometry, however it is nested', async () => {
    const texts = [
      'LINESTRING(1 1,2 2)',
      'MULTIPOINT(1 1,2 2)',
      'POLYGON((0 0,10 0,10 10,0 0),(1 1,2 1,2 2,1 1))',
      'MULTILINESTRING((0 0,1 1),(2 2,3 3))',
      'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))',
      'GEOMETRYCOLLECTION(POINT(0.1 -1e-7),LINESTRING(1 1,2 2))',
    ];
    const list = texts.map((text) => `st_geomfromtext('${text}')`).join(', ');
    const query = `select ${list}, st_geomfromtext('point(1 2)', 4326)`;
    // MariaDB writes the points of a list without parentheses of their own, the standard and MySQL with them.
    const standard = texts.map((text) => (text === 'MULTIPOINT(1 1,2 2)' ? 'MULTIPOINT((1 1),(2 2))' : text));
    expect(await rowsOf({ query })).toEqual([[...standard, 'SRID=4326;POINT(1 2)']]);
  });

  it('VA15: returns tinyint(1) as boolean where the connection says so, and refuses any other number', async () => {
    await asAdmin(
      server.lab,
      'create table sales.flags (id int, flag bool, tiny tinyint)',
      'insert into sales.flags values (1, true, 1), (2, null, 7), (3, 2, 3)',
    );
    const read = { path: ['sales', 'flags'], limit: 2 };
    const booleans = inputFor(server.lab, { properties: { treatTinyAsBoolean: true } });
    expect(await rowsOf(read)).toEqual([
      [1, 1, 1],
      [2, null, 7],
    ]);
    expect(await rowsOf(read, booleans)).toEqual([
      [1, true, 1],
      [2, null, 7],
    ]);
    const error = await server.bench.within(
      (session) => failureOf(session.read({ path: read.path, batchRows: 5 }).then(allBatches)),
      { input: booleans },
    );
    expect(error.message).toBe('Column "flag" of row 3 holds 2, which is neither true nor false.');
  });

  it('VA8: numbers in JSON keep their digits, and a repeated name is refused', async () => {
    await asAdmin(
      server.lab,
      'create table sales.documents (id int, j json)',
      `insert into sales.documents values (1, '{"c": 1e400, "d": [9007199254740993, 0.10]}'), (2, '{"a": 1, "a": 2}')`,
    );
    const read = { path: ['sales', 'documents'] };
    const [[, cell = null] = []] = await rowsOf({ ...read, limit: 1 });
    expect(jsonTextOf(cell)).toBe('{"c":1e400,"d":[9007199254740993,0.10]}');
    const error = await failsWith('select * from sales.documents order by id');
    expect(error.message).toBe('Column "j" of row 2 has a JSON object that repeats the name "a".');
    expect((await rowsOf({ ...read, asText: ['j'] }))[1]).toEqual([2, '{"a": 1, "a": 2}']);
  });

  it('VA14: reports precision, scale and width of a column as declared', async () => {
    const query =
      'select c_tiny, c_utiny, c_small, c_medium, c_int, c_big, c_ubig, c_decimal, c_float, c_double, c_bit from sales.all_types';
    await server.bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      await allBatches({ batches });
      expect(columns.map(({ type, width, precision, scale }) => [type, width ?? precision, scale])).toEqual([
        ['integer', 8, undefined],
        ['integer', 16, undefined],
        ['integer', 16, undefined],
        ['integer', 32, undefined],
        ['integer', 32, undefined],
        ['bigint', 64, undefined],
        ['decimal', 20, 0],
        ['decimal', 38, 10],
        ['float', 32, undefined],
        ['float', 64, undefined],
        ['bigint', 64, undefined],
      ]);
    });
  });
});
