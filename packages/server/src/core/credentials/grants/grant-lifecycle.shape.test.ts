import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { grantLifecycle } from './grant-lifecycle.js';

const roots = ['../../../', '../../../../../../e2e/src/'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** The ids before the colon of each test's name. */
function testedIds(): Set<string> {
  const files = roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => readFileSync(path.join(root, file), 'utf8')),
  );
  const names = files.flatMap((text) => [
    ...text.matchAll(/['"`]((?:[A-Z]{1,2}\d{1,2}, )*[A-Z]{1,2}\d{1,2}):/g),
  ]);
  return new Set(names.flatMap(([, ids = '']) => ids.split(', ')));
}

it('has a test for each row of the life of a grant', () => {
  const tested = testedIds();
  expect(grantLifecycle.filter(({ id }) => !tested.has(id)).map(({ id }) => id)).toEqual([]);
});

it('leads every state somewhere, and into every state', () => {
  for (const side of ['from', 'to'] as const) {
    expect(new Set(grantLifecycle.map((row) => row[side])).size).toBe(8);
  }
});
