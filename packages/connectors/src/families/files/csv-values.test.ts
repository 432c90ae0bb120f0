import type { ColumnType } from '@mooring/contract/file-options';
import { describe, expect, it } from 'vitest';
import { doublesTextOf } from '../../interface/data-types.js';
import { memoryFile, readAll, reading, refusal } from './memory-file.js';

describe('types of CSV columns', () => {
  const types: Readonly<Record<string, ColumnType>> = {
    i: 'integer',
    b: 'bigint',
    d: 'decimal',
    f: 'float',
    t: 'boolean',
    day: 'date',
    at: 'time',
    ts: 'timestamp',
    dt: 'datetime',
    j: 'json',
  };
  const names = Object.keys(types);

  it('VA6: hold their values exactly', async () => {
    const table = [
      [...names, 's'],
      [
        '-007',
        '9223372036854775807',
        '+0012.50',
        '0.1',
        'TRUE',
        '2024-02-29',
        '23:59:59.5',
        '2024-03-01 00:30:00.1234567+01:00',
        '2024-01-01T10:00',
        '{""a"":1.0}',
        '007',
      ],
      ['', '', '', '', '', '', '', '', '', '', ''],
      [
        '0',
        '-1',
        '.5',
        'NaN',
        '0',
        '0001-01-01',
        '00:00',
        '1970-01-01T00:00:00Z',
        '9999-12-31 23:59:59',
        '[1e400]',
        'x',
      ],
    ];
    const content = table.map((record) => record.map((field) => `"${field}"`).join(',')).join('\n');
    const { columns, rows } = await readAll(memoryFile('a.csv', content), { file: { columnTypes: types } });
    expect(Object.fromEntries(columns.map(({ name, type }) => [name, type]))).toEqual({
      ...types,
      s: 'string',
    });
    const asShown = rows.map((row) => JSON.parse(`[${row.map(doublesTextOf).join()}]`));
    expect(asShown).toEqual([
      [
        -7,
        '9223372036854775807',
        '12.50',
        0.1,
        true,
        '2024-02-29',
        '23:59:59.500000',
        '2024-02-29T23:30:00.123456700Z',
        '2024-01-01T10:00:00',
        { a: 1 },
        '007',
      ],
      [null, null, null, null, null, null, null, null, null, null, ''],
      [
        0,
        '-1',
        '0.5',
        'NaN',
        false,
        '0001-01-01',
        '00:00:00',
        '1970-01-01T00:00:00Z',
        '9999-12-31T23:59:59',
        '[1e400]',
        'x',
      ],
    ]);
  });

  it.each([
    ['i', '9007199254740993', 'holds an integer of more than 53 bits'],
    ['i', '1.5', 'holds text that is not a valid integer'],
    ['b', '9223372036854775808', 'holds an integer of more than 64 bits'],
    ['d', '1,5', 'holds text that is not a valid decimal'],
    ['f', '12345678901234567.89', 'holds a number with more digits than a float can keep'],
    ['t', 'yes', 'holds text that is not a valid boolean'],
    ['t', 'constructor', 'holds text that is not a valid boolean'],
    ['t', '__proto__', 'holds text that is not a valid boolean'],
    ['day', '2023-02-29', 'holds text that is not a valid date'],
    ['day', '01/02/2024', 'holds text that is not a valid date'],
    ['at', '24:00:00', 'holds text that is not a valid time'],
    ['ts', '2024-01-01 10:00:00', 'holds text that is not a valid timestamp'],
    ['ts', '0001-01-01T00:00:00+01:00', 'holds an instant outside the years 1 to 9999'],
    ['dt', '2024-01-01T10:00:00Z', 'holds text that is not a valid datetime'],
    ['j', '{""a"":1,""a"":2}', 'has a JSON object that repeats the name "a"'],
    ['j', '{', 'holds text that is not a valid json'],
  ] as const)('VA6: refuse what %s cannot hold: %s', async (name, value, problem) => {
    const columnTypes = { [name]: types[name] ?? 'string' };
    const content = `x,${name}\n1,\n2,"${value}"\n`;
    const error = await refusal(content, { columnTypes });
    expect([error.kind, error.message]).toEqual(['unsupported', `Column "${name}" of row 2 ${problem}.`]);
    expect(error.remedy).toContain(`"asText": ["${name}"]`);
    const asText = await readAll(memoryFile('a.csv', content), { file: { columnTypes }, asText: [name] });
    expect(asText.rows[1]?.[1]).toBe(value.replaceAll('""', '"'));
  });

  it('VA6: of missing columns are refused in a request, and ignored in a default', async () => {
    const columnTypes = { nope: 'integer' } as const;
    expect((await refusal('a\n1\n', { columnTypes })).message).toBe('The file has no column "nope".');
    const byDefault = await readAll(memoryFile('a.csv', 'a\n1\n'), { defaults: { columnTypes } });
    expect(byDefault.rows).toEqual([['1']]);
    // The reported options are a valid request.
    expect((await reading('a\n1\n', byDefault.file)).rows).toEqual([['1']]);
    const defaults = { delimiter: '|', columnTypes: { a: 'integer' } } as const;
    const merged = await readAll(memoryFile('a.csv', 'a;b\n1;2\n'), { file: { delimiter: ';' }, defaults });
    expect(merged.rows).toEqual([[1, '2']]);
  });
});
