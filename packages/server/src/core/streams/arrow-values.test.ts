import { JsonText } from '@mooring/connectors/interface/data-types';
import { describe, expect, it } from 'vitest';
import { read, stored, tableOf } from './__fixtures__/arrow-reading.js';
import { batchesOf, column } from './__fixtures__/synthetic-source.js';

describe('Arrow', () => {
  it('VA14: decimals as they are declared, and as text where their precision is not', async () => {
    const most = '9'.repeat(28);
    const edges = ['0', '-0.1', '1.50', `${most}.0123456789`, `-${most}.9999999999`, null];
    const unscaled = [
      0n,
      -1000000000n,
      15000000000n,
      BigInt(`${most}0123456789`),
      BigInt(`-${most}9999999999`),
    ];
    for (const [precision, words] of [
      [38, 4],
      [76, 8],
    ] as const) {
      const shape = { type: 'decimal', precision, scale: 10 } as const;
      const table = await tableOf([{ ...column('a'), ...shape }], batchesOf(edges.map((value) => [value])));
      expect(table.schema.fields[0]?.type).toMatchObject({ precision, scale: 10, bitWidth: words * 32 });
      const data = table.getChildAt(0)?.data[0]?.values as Uint32Array;
      const found = edges.slice(0, 5).map((_, index) => {
        let value = 0n;
        for (let word = words - 1; word >= 0; word -= 1)
          value = (value << 32n) | BigInt(data[index * words + word] ?? 0);
        return BigInt.asIntN(words * 32, value);
      });
      expect(found).toEqual(unscaled);
    }
    expect((await read({ type: 'decimal' }, '1e400')).values).toEqual(['1e400']);
    expect((await read({ type: 'decimal', precision: 77, scale: 0 }, '1')).type).toBe('Utf8');
    for (const value of ['1.001', '1000', 'NaN', '1e2', '']) {
      const shape = { type: 'decimal', precision: 5, scale: 2 } as const;
      await expect(read(shape, '999.99', value)).rejects.toThrow('Column "a" of row 2');
    }
  });

  it('VA14: integers and floats by their width, lists by their items', async () => {
    expect(await read({ type: 'integer', width: 8 }, 127, null, -128)).toEqual({
      type: 'Int8',
      values: [127, null, -128],
    });
    expect((await read({ type: 'integer', width: 16 }, -32768)).type).toBe('Int16');
    expect((await read({ type: 'integer', width: 32 }, -2147483648)).values).toEqual([-2147483648]);
    await expect(read({ type: 'integer', width: 16 }, 32768)).rejects.toThrow('Int16');
    const floats = await read({ type: 'float', width: 32 }, 0.1, 3.4028235e38, 1e-45, 'NaN');
    expect(floats.type).toBe('Float32');
    expect(floats.values.slice(0, 3)).toEqual([0.1, 3.4028235e38, 1e-45].map(Math.fround));
    await expect(read({ type: 'float', width: 32 }, 0.30000000000000004)).rejects.toThrow('Float32');
    const lists = await tableOf(
      [{ ...column('a'), type: 'json', element: { type: 'bigint', width: 64 } }],
      batchesOf([[['1', null]], [[]], [null], [['-9223372036854775808']]]),
    );
    expect(String(lists.schema.fields[0]?.type)).toBe('List<Int64>');
    expect(lists.toArray().map((row) => row?.['a'] && Array.from(row['a'] as Iterable<unknown>))).toEqual([
      [1n, null],
      [],
      null,
      [-9223372036854775808n],
    ]);
    const nested = read({ type: 'json', element: { type: 'integer' } }, [1], [[1], [2]]);
    await expect(nested).rejects.toThrow(
      `Column "a" of row 2 holds a value that Arrow's List<Int64> cannot hold`,
    );
    await expect(
      read({ type: 'json', element: { type: 'date' } }, ['2024-02-29'], ['infinity']),
    ).rejects.toThrow('row 2');
  });

  it('SU4: minus zero keeps its sign, in a list too; the null of JSON is a text', async () => {
    const [zero] = (await read('float', -0)).values;
    expect(Object.is(zero, -0)).toBe(true);
    const floats = { type: 'json', element: { type: 'float', width: 64 } } as const;
    const { type, values } = await read(floats, new JsonText('[-0,1.5,null,"NaN"]', true), [1]);
    expect(type).toBe('List<Float64>');
    const [first, ...others] = Array.from(values[0] as Iterable<number | null>);
    expect(Object.is(first, -0)).toBe(true);
    expect(others).toEqual([1.5, null, Number.NaN]);
    expect((await read('json', null, new JsonText('null', true))).values).toEqual([null, 'null']);
  });

  it('VA8: refuses a column whose name has half of a surrogate pair', async () => {
    await expect(tableOf([column('\ud83d', 'integer')], batchesOf([[1]]))).rejects.toThrow('"\\ud83d"');
  });

  it('SU7: holds days and times before Christ, and says in which row stands what it cannot hold', async () => {
    expect(
      (
        await stored(
          'date',
          '0001-12-31 BC',
          '0044-03-15 BC',
          '4713-01-01 BC',
          '-290001-01-01',
          '5874897-12-31',
        )
      ).values,
    ).toEqual([-719163, -735160, -2440550, -106640218, 2145042905]);
    expect((await stored('datetime', '0044-03-15 00:00:00.5 BC')).values).toEqual([
      -735160n * 86_400_000_000n + 500_000n,
    ]);
    expect((await stored('timestamp', '0044-03-15 00:00:00+00 BC')).values).toEqual([
      -735160n * 86_400_000_000n,
    ]);
    const batches = batchesOf([['2024-01-01'], ['2024-01-02']], [['2024-01-03'], ['infinity']]);
    await expect(tableOf([column('a', 'date')], batches)).rejects.toThrow('Column "a" of row 4');
  });
});
