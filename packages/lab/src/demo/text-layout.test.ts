import { describe, expect, it } from 'vitest';
import { jsonLines, pick, tableLines, wrap } from './text-layout.js';

describe('text of the demo', () => {
  it('breaks JSON where a line is full, and stays JSON', () => {
    const value = {
      name: 'orders',
      list: [{ id: 1 }, { id: 2 }],
      inner: { host: '127.0.0.1', ok: true },
      none: null,
    };
    expect(jsonLines(value, 200)).toHaveLength(1);
    for (const width of [10, 24, 40, 60]) {
      const lines = jsonLines(value, width);
      expect(lines.length).toBeGreaterThan(1);
      expect(JSON.parse(lines.join('\n'))).toEqual(value);
    }
    expect(Math.max(...jsonLines(value, 40).map(({ length }) => length))).toBeLessThanOrEqual(40);
  });

  it('shows only the start of a long text', () => {
    const [line = ''] = jsonLines('x'.repeat(500), 80);
    expect(line.length).toBeLessThan(80);
    expect(line).toContain('…');
  });

  it('picks members by path, through lists', () => {
    const value = { count: 2, data: [{ id: 1, secret: 'x' }, { id: 2 }], links: {} };
    expect(pick(value, ['data.id', 'count', 'missing'])).toEqual({ data: [{ id: 1 }, { id: 2 }], count: 2 });
  });

  it('wraps at blanks and lines columns up', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(
      tableLines([
        ['a', 1],
        ['long', 10],
      ]),
    ).toEqual(['a      1', 'long  10']);
  });
});
