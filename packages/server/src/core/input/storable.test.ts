import { describe, expect, it } from 'vitest';
import { assertStorable } from './storable.js';

function nested(levels: number): unknown {
  let value: unknown = 'end';
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

describe('what a store can hold', () => {
  it('accepts ordinary text, complete surrogate pairs and moderate nesting', () => {
    expect(() => assertStorable({ a: ['Ærø 😀', '', 1, true, null], b: nested(20) }, 'body')).not.toThrow();
  });

  it('D11: names the member that holds NUL or half a surrogate pair', () => {
    expect(() => assertStorable({ a: { b: ['ok', 'x\0y'] } }, 'body')).toThrow('a.b.1: must not contain NUL');
    expect(() => assertStorable({ name: '\ud800' }, 'body')).toThrow('name: must not contain');
    expect(() => assertStorable({ 'x\0': 1 }, 'body')).toThrow('member name: must not contain');
    expect(() => assertStorable('\0', 'body')).toThrow('body: must not contain');
  });

  it('D11: refuses endless nesting before recursive code sees it', () => {
    expect(() => assertStorable({ a: nested(400_000) }, 'body')).toThrow('nested deeper than 32 levels');
  });
});
