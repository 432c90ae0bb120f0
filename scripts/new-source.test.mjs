import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { families, newSource, Refusal } from './new-source.mjs';

// In a folder with nothing but what the script reads. That the result compiles is shown in `new-source-tree.test.mjs`.

const checkout = fileURLToPath(new URL('..', import.meta.url));
const connectors = 'packages/connectors/src';
const registry = `${connectors}/registry.ts`;
const harnesses = `${connectors}/suite/harnesses.ts`;

let root;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mooring-new-source-'));
  mkdirSync(path.join(root, connectors, 'sources'), { recursive: true });
  for (const file of [registry, harnesses]) cpSync(path.join(checkout, file), path.join(root, file));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const textOf = (file) => readFileSync(path.join(root, file), 'utf8');
/** Every file with its text. */
const whole = () =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => [path.relative(root, file), readFileSync(file, 'utf8')]);
/** Lines of `after` that `before` does not have, all others being the same and in the same order. */
function addedLines(before, after) {
  const rest = before.split('\n');
  const added = after.split('\n').filter((line) => (line === rest[0] ? rest.shift() === undefined : true));
  expect(rest).toEqual([]);
  return added;
}

describe('new-source', () => {
  it.each(Object.keys(families))('%s: makes five files and two lines in each list', (family) => {
    const before = new Map(whole());
    const done = newSource({ root, id: 'two_words', family });
    const names = ['properties', 'source', 'connector', 'harness', 'two_words.test'];
    expect(done).toEqual({
      made: names.map((name) => `${connectors}/sources/two_words/${name}.ts`),
      changed: [registry, harnesses],
    });
    expect(
      whole()
        .map(([file]) => file)
        .toSorted(),
    ).toEqual([...before.keys(), ...done.made].toSorted());
    for (const file of done.made) expect(textOf(file)).not.toMatch(/new_source|NEW_ID/);
    expect(textOf(`${connectors}/sources/two_words/source.ts`)).toContain("id: 'two_words'");
    expect(addedLines(before.get(registry), textOf(registry))).toEqual([
      "import { source as twoWords } from './sources/two_words/source.js';",
      '  twoWords,',
    ]);
    expect(addedLines(before.get(harnesses), textOf(harnesses))).toEqual([
      "import { harness as twoWords } from '../sources/two_words/harness.js';",
      "  ['two_words', twoWords],",
    ]);
  });

  it('keeps the lists in order, whatever the id', () => {
    for (const id of ['zz_one', 'aa_one', 'gi', 'File_New', 'mm_one'])
      newSource({ root, id, family: 'plain' });
    const imported = [...textOf(registry).matchAll(/from '\.\/sources\/(\w+)\//g)].map(([, id]) => id);
    const inOrder = imported.toSorted((one, other) =>
      `${one.toLowerCase()}/` < `${other.toLowerCase()}/` ? -1 : 1,
    );
    expect(imported).toEqual(inOrder);
    expect(textOf(registry)).toContain("import { source as fileNew } from './sources/File_New/source.js';");
  });

  it.each([
    ['of a source', { id: 'postgres' }, /There is a data source postgres already/],
    ['of a source, in another case', { id: 'Postgres' }, /There is a data source postgres already/],
    ['with a path', { id: '../../x' }, /is not valid as an id/],
    ['with a hyphen', { id: 'google-sheets' }, /is not valid as an id/],
    ['that begins with a digit', { id: '1c' }, /is not valid as an id/],
    ['that is too long', { id: 'a'.repeat(33) }, /is not valid as an id/],
    ['that is missing', { id: undefined }, /is not valid as an id/],
    ['that code cannot use', { id: 'import' }, /is a word of JavaScript/],
    ['that code uses for another source', { id: 'amazon_S3' }, /has the name amazonS3 already/],
    ['with an unknown family', { id: 'not_yet', family: 'tables' }, /There is no family "tables"/],
    ['with no family', { id: 'not_yet', family: undefined }, /Families:/],
    ['with a family of a prototype', { id: 'not_yet', family: 'constructor' }, /There is no family/],
  ])('refuses an id %s, and changes nothing', (_what, asked, message) => {
    const before = whole();
    const make = () => newSource({ root, family: 'plain', ...asked });
    expect(make).toThrow(Refusal);
    expect(make).toThrow(message);
    expect(whole()).toEqual(before);
  });

  it('refuses a folder that is there, empty or not', () => {
    const folder = path.join(root, connectors, 'sources/not_yet');
    mkdirSync(folder);
    const make = () => newSource({ root, id: 'not_yet', family: 'plain' });
    expect(make).toThrow(/sources\/not_yet exists, though no list has it/);
    writeFileSync(path.join(folder, 'source.ts'), 'mine');
    const before = whole();
    expect(make).toThrow(Refusal);
    expect(whole()).toEqual(before);
  });

  it('refuses lists that it does not understand', () => {
    const file = path.join(root, harnesses);
    writeFileSync(file, textOf(harnesses).replace(/^ {2}\['gbq'.*\n/m, ''));
    const before = whole();
    expect(() => newSource({ root, id: 'not_yet', family: 'plain' })).toThrow(
      /is not as this script knows it/,
    );
    expect(whole()).toEqual(before);
  });

  it('leaves nothing when it cannot write', () => {
    // A folder in the place of a list that is to be written.
    const before = whole();
    const sources = path.join(root, connectors, 'sources');
    mkdirSync(path.join(sources, `.new-source-${process.pid}`, 'source.ts'), { recursive: true });
    expect(() => newSource({ root, id: 'not_yet', family: 'plain' })).toThrow(/EEXIST/);
    expect(readdirSync(sources)).toEqual([]);
    expect(whole()).toEqual(before);
  });
});
