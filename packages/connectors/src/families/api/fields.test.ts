import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { wholeSpan } from '../../kit/json/spans.js';
import { fieldsOf, shapeFields } from './fields.js';

const fields = fieldsOf(`
  id:bigint count:integer price:decimal ratio:float open:boolean title
  author=user.login at:timestamp day:date tags:json user:json
`);
const place = { unit: 'Row', number: 1, of: 'page 1 of the response' } as const;

function rowOf(row: string, request: Parameters<typeof shapeFields>[1] = {}) {
  return shapeFields(fields, request).toRow(wholeSpan(Buffer.from(row)), place);
}

function failureOf(work: () => unknown): ConnectorError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConnectorError) return error;
  }
  throw new Error('expected a failure');
}

describe('declared fields', () => {
  it('are read with their declared types, exactly, wherever they are in the row', () => {
    const row = `{"unknown": 1, "id": 9007199254740993, "count": 3, "price": 0.10, "ratio": 2, "open": false,
      "title": "T", "user": {"login": "octo", "id": 7}, "at": "2024-05-06T07:08:09Z", "day": "2024-02-29",
      "tags": [1, {"a": null}]}`;
    expect(rowOf(row)).toEqual([
      ...['9007199254740993', 3, '0.1', 2, false, 'T', 'octo', '2024-05-06T07:08:09Z', '2024-02-29'],
      ...[[1, { a: null }], { login: 'octo', id: 7 }],
    ]);
  });

  it('are null where the row leaves them out, or has null on the way', () => {
    expect(rowOf('{"user": null}')).toEqual(fields.map(() => null));
  });

  it.each([
    ['2024-05-06T07:08:09.5Z', '2024-05-06T07:08:09.500000Z'],
    ['2024-05-06T07:08:09.123456789Z', '2024-05-06T07:08:09.123456789Z'],
    ['2024-05-06T07:08:09.000Z', '2024-05-06T07:08:09Z'],
    ['2024-05-06T01:08:09+02:00', '2024-05-05T23:08:09Z'],
    ['2024-05-06T01:08:09-0130', '2024-05-06T02:38:09Z'],
  ])('take %s as the instant %s', (given, expected) => {
    expect(rowOf(JSON.stringify({ at: given }), { wanted: ['at'] })).toEqual([expected]);
  });

  it.each([
    ['id', '"7"'],
    ['count', '1.5'],
    ['open', '0'],
    ['title', '{"a":1}'],
    ['at', '"yesterday"'],
    ['at', '1700000000'],
    ['at', '"2024-05-06T07:08:09"'],
    ['day', '"2024-13-01"'],
  ])('refuse a value of %s that is %s, unless it is read as text', (name, value) => {
    const row = `{"${name}": ${value}}`;
    const { kind, message, remedy } = failureOf(() => rowOf(row, { wanted: [name] }));
    expect(kind).toBe('protocol_error');
    expect(message).toContain(`Row 1 of page 1 of the response has a value in column "${name}"`);
    expect(remedy).toContain('asText');
    const [text] = rowOf(row, { wanted: [name], asText: [name] });
    expect(text).toBe(value.replace(/^"(.*)"$/, '$1'));
  });

  it('have the name of the first member of their path, and the type of their name, unless they say otherwise', () => {
    const declared = fieldsOf('owner.login other=owner.id made_at last_at:string', [[/_at$/, 'timestamp']]);
    expect(declared).toEqual([
      { name: 'owner', at: '/owner/login', type: 'string' },
      { name: 'other', at: '/owner/id', type: 'string' },
      { name: 'made_at', at: '/made_at', type: 'timestamp' },
      { name: 'last_at', at: '/last_at', type: 'string' },
    ]);
  });

  it.each(['1', 'null', '"x"', '[1]'])('are not those of a row that is %s', (row) => {
    const { kind, message } = failureOf(() => rowOf(row, { wanted: ['title'] }));
    expect([kind, message]).toEqual(['protocol_error', 'Row 1 of page 1 of the response is not an object.']);
  });

  it('are known by name: others cannot be requested, nor a misspelt one declared', () => {
    expect(failureOf(() => rowOf('{}', { wanted: ['nope'] })).kind).toBe('invalid_query');
    expect(failureOf(() => rowOf('{}', { wanted: ['id'], asText: ['title'] })).kind).toBe('invalid_query');
    expect(() => fieldsOf('id:int')).toThrow('id:int is not a field');
  });
});
