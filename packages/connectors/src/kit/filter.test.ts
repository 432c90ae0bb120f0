import { describe, expect, it } from 'vitest';
import { type Cell, type Column, JsonText, type NeutralType } from '../interface/data-types.js';
import type { ConnectorError } from '../interface/errors.js';
import type { Comparison, Filter, JsonScalar } from '../interface/filter.js';
import { checkFilter, compileFilter } from './filter.js';
import { splitFilter } from './split-filter.js';

const column = (type: NeutralType, name = 'c'): Column => ({ name, type, nullable: true });

/** T, F or U (unknown) of one cell. */
function outcome(type: NeutralType, op: Comparison['op'], cell: Cell, value?: unknown): string {
  const filter = { column: 'c', op, ...(op === 'null' ? {} : { value }) } as Comparison;
  const columns = [column(type)];
  if (compileFilter(filter, columns)([cell])) return 'T';
  return compileFilter({ not: filter }, columns)([cell]) ? 'F' : 'U';
}

describe('the meaning of a comparison', () => {
  const cases: [NeutralType, Comparison['op'], Cell, unknown, string][] = [
    ['integer', 'eq', 1, '1.0', 'T'],
    ['integer', 'eq', 1, 1.5, 'F'],
    ['integer', 'lt', 1, 1.5, 'T'],
    ['integer', 'eq', -0, 0, 'T'],
    ['integer', 'ge', 5, '1e400', 'F'],
    ['bigint', 'eq', '9007199254740993', '9007199254740993', 'T'],
    ['bigint', 'eq', '9007199254740993', '9007199254740992', 'F'],
    ['bigint', 'gt', '9007199254740993', '9007199254740992', 'T'],
    ['bigint', 'lt', '-9223372036854775808', '-9223372036854775807', 'T'],
    ['bigint', 'in', '9007199254740993', ['9007199254740992', '9007199254740993'], 'T'],
    ['bigint', 'in', '9007199254740993', ['9007199254740992', '9007199254740994'], 'F'],
    ['decimal', 'eq', '1.00', 1, 'T'],
    ['decimal', 'eq', '0.10', '1e-1', 'T'],
    ['decimal', 'gt', '0.30000000000000000001', 0.3, 'T'],
    ['decimal', 'ne', '0.30000000000000000001', 0.3, 'T'],
    ['decimal', 'le', '-0.30000000000000000001', -0.3, 'T'],
    ['decimal', 'lt', '1e400', '1e401', 'T'],
    ['decimal', 'lt', '1e400', 'Infinity', 'T'],
    ['decimal', 'eq', 'Infinity', 'Infinity', 'T'],
    ['decimal', 'gt', 'Infinity', '1e400', 'T'],
    ['decimal', 'eq', 'NaN', 'NaN', 'T'],
    ['decimal', 'gt', 'NaN', 5, 'F'],
    ['float', 'eq', 'NaN', 'NaN', 'T'],
    ['float', 'ne', 'NaN', 'NaN', 'F'],
    ['float', 'ne', 'NaN', 1, 'T'],
    ['float', 'in', 'NaN', [1, 'NaN'], 'T'],
    ['float', 'lt', 'NaN', 'Infinity', 'F'],
    ['float', 'ge', 'NaN', 'NaN', 'F'],
    ['float', 'gt', 'Infinity', 1e308, 'T'],
    ['float', 'eq', 0.1, '0.1', 'T'],
    ['float', 'eq', 0.1, '0.1000000000000000055511151231257827', 'F'],
    ['float', 'lt', 0.1, '0.1000000000000000055511151231257827', 'T'],
    ['float', 'in', 0.1, ['0.1000000000000000055511151231257827', '0.1'], 'T'],
    ['string', 'eq', 'ä', 'ä', 'T'],
    ['string', 'eq', 'a\u0308', 'ä', 'F'],
    ['string', 'eq', 'A', 'a', 'F'],
    ['string', 'eq', 'a ', 'a', 'F'],
    ['string', 'ne', '', 'a', 'T'],
    ['string', 'in', 'b', ['a', 'b'], 'T'],
    ['boolean', 'eq', false, false, 'T'],
    ['boolean', 'in', true, [false], 'F'],
    ['date', 'lt', '0999-12-31', '2024-02-29', 'T'],
    ['date', 'gt', '10000-01-01', '9999-12-31', 'T'],
    ['date', 'gt', '+010000-01-01', '9999-12-31', 'T'],
    ['date', 'lt', '0044-03-15 BC', '0001-01-01', 'T'],
    ['date', 'lt', '0044-03-15 BC', '0043-03-15 BC', 'T'],
    ['date', 'eq', '-000043-03-15', '0044-03-15 BC', 'T'],
    ['date', 'lt', '-infinity', '4713-01-01 BC', 'T'],
    ['date', 'gt', 'infinity', '99999-01-01', 'T'],
    ['date', 'in', '2024-02-29', ['2024-02-28', '2024-02-29'], 'T'],
    ['time', 'lt', '09:00:00', '09:00:00.000001', 'T'],
    ['time', 'eq', '09:00:00.500000', '09:00:00.5', 'T'],
    ['time', 'eq', '09:00:00', '09:00', 'T'],
    ['time', 'lt', '-838:59:59', '00:00', 'T'],
    ['timestamp', 'eq', '2024-02-29T12:00:00Z', '2024-02-29T14:00:00+02:00', 'T'],
    ['timestamp', 'eq', '2024-02-29T12:00:00.500000Z', '2024-02-29T12:00:00.5Z', 'T'],
    ['timestamp', 'gt', '2024-02-29T12:00:00.000001Z', '2024-02-29T12:00:00Z', 'T'],
    ['timestamp', 'lt', '2024-02-29T23:59:59.999999Z', '2024-03-01T00:00:00Z', 'T'],
    ['timestamp', 'lt', '9999-12-31T23:59:59Z', '9999-12-31T23:59:59-01:00', 'T'],
    ['timestamp', 'lt', '0044-03-15 12:00:00+00 BC', '2024-02-29T12:00Z', 'T'],
    ['datetime', 'eq', '2024-02-29T12:00:00', '2024-02-29 12:00', 'T'],
    ['datetime', 'ge', '2024-02-29T00:00:00', '2024-02-29', 'T'],
    ['datetime', 'le', 'infinity', 'infinity', 'T'],
    ['bytes', 'eq', 'AAE=', 'AAE=', 'T'],
    ['json', 'eq', new JsonText('{"a":1.0}', true), '{"a":1.0}', 'T'],
    ['json', 'eq', { a: 1 }, '{"a":1}', 'T'],
    ['json', 'eq', 'text', '"text"', 'T'],
    ['json', 'in', [1], ['[2]', '[1]'], 'T'],
    ['json', 'ne', new JsonText('null', true), 'null', 'F'],
    ['string', 'null', null, undefined, 'T'],
    ['string', 'null', '', undefined, 'F'],
    ['json', 'null', new JsonText('null', true), undefined, 'F'],
    ['string', 'eq', null, 'a', 'U'],
    ['string', 'ne', null, 'a', 'U'],
    ['string', 'eq', 'a', null, 'U'],
    ['string', 'in', null, ['a'], 'U'],
    ['string', 'in', 'a', ['a', null], 'T'],
    ['string', 'in', 'b', ['a', null], 'U'],
    ['string', 'in', 'b', [null], 'U'],
    ['string', 'in', 'a', [], 'F'],
    ['string', 'in', null, [], 'F'],
  ];
  it.each(cases)('%s %s: %j, %j is %s', (type, op, cell, value, expected) => {
    expect(outcome(type, op, cell, value)).toBe(expected);
  });

  it('joins parts as SQL does, of true, false and unknown', () => {
    const leaf = (name: string): Filter => ({ column: name, op: 'eq', value: true });
    const columns = [column('boolean', 'a'), column('boolean', 'b')];
    const meaning = (filter: Filter, row: (boolean | null)[]) => {
      if (compileFilter(filter, columns)(row)) return true;
      return compileFilter({ not: filter }, columns)(row) ? false : null;
    };
    const truths = [true, false, null];
    for (const a of truths)
      for (const b of truths) {
        const both = a === false || b === false ? false : a === null || b === null ? null : true;
        const either = a === true || b === true ? true : a === null || b === null ? null : false;
        expect(meaning({ and: [leaf('a'), leaf('b')] }, [a, b])).toBe(both);
        expect(meaning({ or: [leaf('a'), leaf('b')] }, [a, b])).toBe(either);
        expect(meaning({ not: leaf('a') }, [a, b])).toBe(a === null ? null : !a);
      }
    expect(meaning({ and: [] }, [null, null])).toBe(true);
    expect(meaning({ or: [] }, [null, null])).toBe(false);
  });
});

describe('checkFilter', () => {
  const columns = [column('integer', 'id'), column('string', 'name'), column('timestamp', 'at')];
  const failure = (filter: Filter, ops?: Parameters<typeof checkFilter>[2]): ConnectorError => {
    try {
      checkFilter(filter, columns, ops);
    } catch (error) {
      return error as ConnectorError;
    }
    throw new Error('valid');
  };

  it('names the place of an unknown column and of a value that the column cannot have', () => {
    const id: Filter = { column: 'id', op: 'eq', value: 1 };
    expect(failure({ and: [id, { or: [id, { column: 'Id', op: 'null' }] }] })).toMatchObject({
      kind: 'invalid_query',
      message: 'where[1][1]: there is no column "Id".',
    });
    expect(failure({ not: { column: 'id', op: 'in', value: [1, 'x'] } })).toMatchObject({
      kind: 'invalid_query',
      message: 'where.not.value[1]: column "id" is an integer, and the value is not.',
    });
    for (const value of [true, '', ' 1', '0x10', '1_000', 'NaN'] as JsonScalar[])
      expect(failure({ column: 'id', op: 'eq', value }).kind).toBe('invalid_query');
    for (const value of ['2024-02-29T12:00:00', '2024-02-30T12:00:00Z', '2024-02-29', 5] as JsonScalar[])
      expect(failure({ column: 'at', op: 'gt', value }).kind).toBe('invalid_query');
    expect(failure({ column: 'name', op: 'eq', value: 5 }).kind).toBe('invalid_query');
  });

  it('refuses ranges of text, unless the source compares text for itself', () => {
    const range: Filter = { column: 'name', op: 'lt', value: 'b' };
    expect(failure({ and: [range] })).toMatchObject({
      kind: 'unsupported',
      message: 'where[0]: column "name" is text, and this source cannot compare ranges of text.',
      remedy: 'Compare with eq, ne, in or null, or use a query.',
    });
    expect(() => checkFilter(range, columns, ['lt'])).not.toThrow();
    expect(() => compileFilter(range, columns)).toThrow(expect.objectContaining({ kind: 'unsupported' }));
  });

  it('limits comparisons, levels and values', () => {
    const leaf: Filter = { column: 'id', op: 'null' };
    const nested = (levels: number): Filter => (levels === 1 ? leaf : { not: nested(levels - 1) });
    const many = (count: number): Filter => ({ or: new Array(count).fill(leaf) });
    const list = (count: number): Filter => ({ column: 'id', op: 'in', value: new Array(count).fill(1) });
    for (const most of [nested(10), many(100), list(1000)]) checkFilter(most, columns);
    for (const more of [nested(11), nested(5000), many(101), list(1001)])
      expect(failure(more)).toMatchObject({
        kind: 'invalid_query',
        message: expect.stringMatching(/^where has more/),
      });
  });
});

describe('splitFilter', () => {
  const columns = [
    { ...column('integer', 'i'), width: 16 as const },
    column('string', 's'),
    column('float', 'f'),
    { ...column('float', 'f4'), width: 32 as const },
    column('timestamp', 't'),
    column('decimal', 'd'),
  ];
  const tables = {
    exact: { integer: ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'in'], timestamp: ['eq', 'gt'], decimal: ['eq'] },
    pushed: { string: ['eq', 'in', 'null'], float: ['eq', 'gt', 'lt'] },
  } as const;
  const split = (filter: Filter) => splitFilter(filter, columns, tables);
  const i: Filter = { column: 'i', op: 'gt', value: 3 };
  const s: Filter = { column: 's', op: 'eq', value: 'a' };
  const f: Filter = { column: 'f', op: 'gt', value: 0.5 };
  const unknown: Filter = { column: 's', op: 'ne', value: 'a' };

  const cases: [string, Filter, Filter | undefined, 'all' | Filter][] = [
    ['an exact comparison', i, i, 'all'],
    ['one that finds more', s, s, s],
    ['one that the source lacks', unknown, undefined, unknown],
    ['and: what can be', { and: [i, s, unknown] }, { and: [i, s] }, { and: [s, unknown] }],
    ['or: all or nothing', { or: [i, s] }, { or: [i, s] }, { or: [i, s] }],
    ['or: nothing', { or: [i, unknown] }, undefined, { or: [i, unknown] }],
    ['not: what is exact', { not: i }, { not: i }, 'all'],
    ['not: never what finds more', { not: f }, undefined, { not: f }],
    ['not: eq as ne, where there is one', { not: unknown }, s, { not: unknown }],
    ['not or: as and', { not: { or: [i, f] } }, { not: i }, { not: f }],
    ['not and: as or', { not: { and: [i, f] } }, undefined, { not: { and: [i, f] } }],
    ['nothing of no parts', { or: [] }, undefined, { or: [] }],
    ['a value that its column cannot have', { ...i, value: 40_000 }, undefined, { ...i, value: 40_000 }],
    ['a float of 32 bits', { ...f, column: 'f4' }, undefined, { ...f, column: 'f4' }],
    [
      'a number between doubles',
      { ...f, value: '0.30000000000000001' },
      undefined,
      { ...f, value: '0.30000000000000001' },
    ],
    ['text with NUL', { ...s, value: '\0' }, undefined, { ...s, value: '\0' }],
    ['null as a value', { ...s, value: null }, undefined, { ...s, value: null }],
  ];
  it.each(cases)('%s', (_what, filter, push, rest) => {
    expect(split(filter)).toEqual(push === undefined ? { rest } : { push, rest });
  });

  it('gives the source values in the form of cells', () => {
    const at: Filter = { column: 't', op: 'gt', value: '2024-02-29T12:00:00.500+02:00' };
    expect(split(at).push).toEqual({ ...at, value: '2024-02-29T10:00:00.5Z' });
    const value = '2024-02-29T12:00:00.0000001Z';
    expect(split({ ...at, value }).push).toBeUndefined();
    const number: Filter = { column: 'd', op: 'eq', value: '1.50e2' };
    expect(split(number).push).toEqual({ ...number, value: '150' });
    // MySQL would take it for the largest that it can cast.
    expect(split({ ...number, value: '1e35' }).push).toBeUndefined();
    expect(split({ column: 'i', op: 'in', value: ['1.0', '2e1'] }).push).toEqual({
      column: 'i',
      op: 'in',
      value: [1, 20],
    });
  });
});
