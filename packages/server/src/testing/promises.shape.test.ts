import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

// `npm run broken-promises` shows that the tests named here fail.

interface Break {
  /** The promise that is broken; `M1` and so on: a change that no test of version 0.1.0 noticed. */
  of: string;
  file: string;
  find: string;
  replace: string;
  test: string;
  title: string;
}

const read = (file: string) => readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8');
const breaks = JSON.parse(read('scripts/broken-promises.json')) as Break[];
const [, promised = ''] = read('SECURITY.md').split('| --- | --- | --- |\n');
const promises = promised
  .slice(0, promised.indexOf('\n\n'))
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

it('every promise of SECURITY.md names tests that fail when it is broken, among those that show it', () => {
  expect(promises.length).toBeGreaterThan(40);
  for (const [, promise = '', shownBy = '', notices = ''] of promises) {
    const titles = [...notices.matchAll(/`([^`]+)`/g)].map(([, title]) => title);
    expect(titles.length, `${promise}: no test is named that fails when it is broken`).toBeGreaterThan(0);
    for (const title of titles) {
      const [known] = breaks.filter((one) => one.title === title);
      expect(known, `scripts/broken-promises.json has no change that “${title}” notices`).toBeDefined();
      const paths = shownBy.match(/[\w./-]*src[\w./-]*/g) ?? [];
      const isShown = shownBy.includes('`npm test`') || paths.some((path) => known?.test.startsWith(path));
      expect(isShown, `${promise}: “${title}” is in no file that it is shown by`).toBe(true);
    }
  }
});

it.each(breaks)('$of: $file can be broken as written, and its test exists', (one) => {
  expect(read(one.file).split(one.find), 'the text to break occurs once').toHaveLength(2);
  expect(existsSync(new URL(`../../../../${one.test}`, import.meta.url))).toBe(true);
  expect(read(one.test)).toContain(one.title);
});
