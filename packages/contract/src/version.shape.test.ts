import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { version } from './version.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

it('is that of every package.json', () => {
  const packages = readdirSync(`${root}packages`).map((name) => `packages/${name}/package.json`);
  const files = ['package.json', 'e2e/package.json', 'bench/package.json'];
  for (const file of [...files, ...packages])
    expect({ file, version: JSON.parse(readFileSync(`${root}${file}`, 'utf8')).version }).toEqual({
      file,
      version,
    });
});
