import { JsonText, type JsonValue, type Row } from '@mooring/connectors/interface/data-types';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, bytesOf, column } from './__fixtures__/synthetic-source.js';
import { encodeArrow } from './encode-arrow.js';
import { encodeCsv } from './encode-csv.js';
import { encodeNdjson } from './encode-ndjson.js';
import { createOutputMeter } from './output-meter.js';

const names = (...list: string[]) => list.map((name) => column(name));
const textOf = async (...input: Parameters<typeof encodeNdjson>) =>
  (await bytesOf(encodeNdjson(...input))).toString();
const linesOf = async (...input: Parameters<typeof encodeNdjson>) =>
  (await textOf(...input))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);

const jsonValue = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
  // Minus zero within a value comes as the text of its JSON.
  fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonValue),
);

describe('NDJSON', () => {
  it('returns every value unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(jsonValue, jsonValue), { maxLength: 5 }), { maxLength: 5 }),
        async (batches) => {
          const rows = await linesOf(names('a', 'b'), batchesOf(...batches));
          expect(rows).toEqual(batches.flat().map(([a, b]) => ({ a, b })));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps the order of the columns, also of names that look like numbers', async () => {
    expect(await textOf(names('b', '1', 'a'), batchesOf([['x', 'y', 'z']]))).toBe(
      '{"b":"x","1":"y","a":"z"}\n',
    );
  });

  it('keeps what JavaScript numbers cannot hold as text', async () => {
    const row: Row = [
      '9223372036854775807',
      '-0.10',
      'NaN',
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      '-Infinity',
    ];
    expect(await textOf(names('a', 'b', 'c', 'd', 'e', 'f'), batchesOf([row]))).toBe(
      '{"a":"9223372036854775807","b":"-0.10","c":"NaN","d":"NaN","e":"-Infinity","f":"-Infinity"}\n',
    );
  });

  it('D10: writes a column named __proto__ literally', async () => {
    const [row] = await linesOf(names('__proto__', 'constructor'), batchesOf([['x', 'y']]));
    expect(Object.entries(row as object)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('VA8: writes JSON that came as text as it came, as CSV and Arrow do', async () => {
    const [columns, text] = [[column('a', 'json')], '{"x":[1e400,1.0,-0]}'];
    const rows: Row[] = [[new JsonText(text, false)]];
    expect(await textOf(columns, batchesOf(rows))).toBe(`{"a":${text}}\n`);
    const csv = (await bytesOf(encodeCsv(columns, batchesOf(rows)))).toString();
    expect(csv).toBe(`a\r\n"${text.replaceAll('"', '""')}"\r\n`);
    const floats = [column('f', 'float')];
    expect(await textOf(floats, batchesOf([[-0]]))).toBe('{"f":-0}\n');
    expect((await bytesOf(encodeCsv(floats, batchesOf([[-0]])))).toString()).toBe('f\r\n-0\r\n');
    const table = tableFromIPC(await bytesOf(encodeArrow(columns, batchesOf(rows))));
    expect(table.getChildAt(0)?.get(0)).toBe(text);
  });

  it('VA8: CSV refuses half of a surrogate pair, which it cannot write, naming its row', async () => {
    const rows = [['😀'], ['a\ud83d']];
    const failed = bytesOf(encodeCsv(names('a'), batchesOf([['x']], rows)));
    await expect(failed).rejects.toThrow('Row 3 has half of a character (a lone surrogate) in column "a".');
  });

  it('loses no column to another one of the same name', async () => {
    expect(await textOf(names('id', 'id', 'id_2', 'id'), batchesOf([['1', '2', '3', '4']]))).toBe(
      '{"id":"1","id_3":"2","id_2":"3","id_4":"4"}\n',
    );
  });

  it('escapes whatever would end a line or a text, and halves of surrogate pairs', async () => {
    const text = await textOf(names('a'), batchesOf([['"\\\n\r\t\u0000\u2028\ud800é😀']]));
    expect(text.split('\n')).toHaveLength(2);
    expect(JSON.parse(text)).toEqual({ a: '"\\\n\r\t\u0000\u2028\ud800é😀' });
  });

  it('is an empty body for no rows, and an empty object for a row without columns', async () => {
    expect(await textOf(names('a'), batchesOf())).toBe('');
    expect(await textOf([], batchesOf([[], []]))).toBe('{}\n{}\n');
  });

  it('comes in chunks near 64 KiB, none across batches', async () => {
    const row = ['x'.repeat(1000)];
    const sizes: number[] = [];
    const batches = batchesOf(Array(200).fill(row), [row]);
    for await (const chunk of encodeNdjson(names('a'), batches)) sizes.push(chunk.length);
    const line = '{"a":""}\n'.length + 1000;
    expect(sizes).toEqual([65 * line, 65 * line, 65 * line, 5 * line, line]);
  });

  it('D14: ends after the last whole row that fits under the byte cap', async () => {
    const rows: Row[] = Array.from({ length: 5000 }, (_, index) => [`é${index}`]);
    for (const bytesMax of [1, 11, 12, 13, 24, 1000, 65_535, 65_536, 70_000]) {
      const meter = createOutputMeter(bytesMax);
      const text = await textOf(names('a'), batchesOf(rows), meter);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytesMax);
      expect(Buffer.byteLength(text)).toBe(meter.bytes());
      expect(text.split('\n').slice(0, -1)).toEqual(
        rows.slice(0, meter.rows()).map(([a]) => JSON.stringify({ a })),
      );
      expect(meter.isFull()).toBe(true);
      expect(Buffer.byteLength(text) + 16).toBeGreaterThan(bytesMax);
    }
  });

  it('is not cut by a byte cap that is just enough', async () => {
    const text = '{"a":"é1"}\n{"a":"é2"}\n';
    const meter = createOutputMeter(Buffer.byteLength(text));
    expect(await textOf(names('a'), batchesOf([['é1']], [['é2']]), meter)).toBe(text);
    expect(meter.isFull()).toBe(false);
  });
});
