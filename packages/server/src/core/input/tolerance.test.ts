import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { InvalidRequest } from '../errors/app-error.js';
import { parseInput } from './tolerance.js';

const schema = z.object({
  datasourceID: z.string(),
  space: z
    .string()
    .optional()
    .meta({ aliases: ['spaceId'] }),
  authUrlOnly: z.boolean().optional(),
  limit: z.int().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
});
const parse = (value: unknown) => parseInput(schema, value, 'body');

describe('what documented clients send', () => {
  it('matches names in any case, and by their aliases', () => {
    expect(parse({ dataSourceId: 'a', SPACEID: 's' })).toEqual({ datasourceID: 'a', space: 's' });
  });

  it('accepts booleans and numbers as texts, in their exact form only', () => {
    expect(parse({ datasourceID: 'a', authUrlOnly: 'true', limit: '5' })).toEqual({
      datasourceID: 'a',
      authUrlOnly: true,
      limit: 5,
    });
    for (const wrong of ['yes', 'TRUE', '', '1.5', ' 1', '0x10', [], {}]) {
      expect(() => parse({ datasourceID: 'a', limit: wrong })).toThrow(InvalidRequest);
    }
    expect(() => parse({ datasourceID: 'a', authUrlOnly: 'yes' })).toThrow(InvalidRequest);
  });

  it('QL4: accepts booleans in any case, and 1 and 0', () => {
    const taken = (authUrlOnly: unknown) => parse({ datasourceID: 'a', authUrlOnly }).authUrlOnly;
    for (const yes of [true, 'true', 'True', 'TRUE', 1, '1']) expect(taken(yes), String(yes)).toBe(true);
    for (const no of [false, 'false', 'False', 'FALSE', 0, '0']) expect(taken(no), String(no)).toBe(false);
    for (const wrong of [2, -1, '', 'yes', 'on', '01', 'toString'])
      expect(() => taken(wrong), String(wrong)).toThrow(InvalidRequest);
  });

  it('US2: names the kind of value that a field takes and the kind that was sent, never the value', () => {
    const told = (value: object) => {
      try {
        parse(value);
      } catch (error) {
        return (error as InvalidRequest).problems.map(({ field, message }) => `${field}: ${message}`).join();
      }
      return 'taken';
    };
    expect(told({})).toBe('datasourceID: is required');
    expect(told({ datasourceID: 7 })).toBe('datasourceID: must be a string, not a number');
    expect(told({ datasourceID: 'a', limit: 'secret' })).toBe('limit: must be a number, not a string');
    expect(told({ datasourceID: 'a', limit: 1.5 })).toBe('limit: must be an integer');
    expect(told({ datasourceID: 'a', authUrlOnly: 'secret' })).toBe(
      'authUrlOnly: must be true or false, not a string',
    );
    expect(told({ datasourceID: 'a', properties: [] })).toBe('properties: must be an object, not a list');
  });

  it('US2: for a field with several kinds of values, says which are allowed, or what is wrong', () => {
    const either = z.object({
      size: z.union([z.string().max(3, 'must be short'), z.boolean()]).optional(),
      roles: z
        .array(z.union([z.object({ name: z.enum(['A']) }), z.object({ id: z.enum(['A']) })]))
        .optional(),
    });
    const told = (value: object) => {
      try {
        parseInput(either, value, 'body');
      } catch (error) {
        return (error as InvalidRequest).problems.map(({ field, message }) => `${field}: ${message}`).join();
      }
      return 'taken';
    };
    expect(told({ size: 'long' })).toBe('size: must be short');
    expect(told({ size: [] })).toBe('size: must be a string or true or false, not a list');
    expect(told({ roles: ['A'] })).toBe('roles.0: must be an object, not a string');
    expect(told({ roles: [{ id: 'B' }] })).toMatch(/^roles\.0: id: Invalid/);
    expect(told({ roles: [{}] })).toBe('roles.0: name: is required');
  });

  it('ignores null and unknown members', () => {
    expect(parse({ datasourceID: 'a', space: null, other: 1 })).toEqual({ datasourceID: 'a' });
  });

  it('accepts two spellings that agree and refuses two that do not', () => {
    expect(parse({ dataSourceId: 'a', datasourceID: 'a' })).toEqual({ datasourceID: 'a' });
    expect(() => parse({ dataSourceId: 'a', datasourceID: 'b' })).toThrow(/disagrees/);
  });

  it('does not change the contents of free-form members', () => {
    expect(parse({ datasourceID: 'a', properties: { Port: '1', port: '2', x: null } }).properties).toEqual({
      Port: '1',
      port: '2',
      x: null,
    });
  });

  it('D11: refuses any other JSON with an error that names a field, and throws nothing else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parse(value);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequest);
        }
      }),
    );
  });
});
