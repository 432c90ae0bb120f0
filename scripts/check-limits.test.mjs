import { describe, expect, it } from 'vitest';
import { limitProblems } from './check-limits.mjs';

const longFunction = (name, lines) => `export function ${name}() {\n${'  step();\n'.repeat(lines - 2)}}\n`;

describe('the limits of sizes', () => {
  const inFile = (text, file = 'a.ts') => limitProblems([[file, text]], {});

  it('hold for functions, files and parameters', () => {
    expect(inFile(longFunction('long', 80))).toEqual([]);
    expect(inFile(`const one = 1;\n${longFunction('long', 81)}`)).toEqual([
      expect.stringMatching(/^a\.ts:2 long: 81 lines, the limit is 80\. /),
    ]);
    expect(inFile('\n'.repeat(300))).toEqual([]);
    expect(inFile('\n'.repeat(301))).toEqual([expect.stringMatching(/^a\.ts:1 the file: 301 lines, /)]);
    expect(inFile('const f = (a, b, c, d) => 1;')).toEqual([]);
    expect(inFile('class A { constructor(a, b, c, d, e) {} }')).toEqual([
      expect.stringMatching(/^a\.ts:1 A\.constructor: 5 positional parameters, the limit is 4\. /),
    ]);
  });

  it('except callbacks of describe and it in a file that imports vitest', () => {
    const body = '  step();\n'.repeat(90);
    const test = `describe.each([])('x', () => {\n  it('y', () => {\n${body}});\n});\n`;
    expect(inFile(`import { it } from 'vitest';\n${test}`)).toEqual([]);
    expect(inFile(test)).toHaveLength(2);
    expect(inFile(`import { it } from 'vitest';\nconst x = () => {\n${body}};\n`)).toHaveLength(1);
  });

  it('have exceptions by name, which must be needed', () => {
    const text = longFunction('long', 81);
    expect(limitProblems([['a.ts', text]], { 'a.ts#long': 'why' })).toEqual([]);
    expect(limitProblems([['a.ts', text]], { 'a.ts#long': 'why', 'a.ts': 'why' })).toEqual([
      expect.stringContaining('a.ts is within the limits or gone. Delete the exception.'),
    ]);
  });
});
