import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { blanksIn } from './blanks.js';

it('finds what a new source has to fill in, in the order in which it is filled in', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-blanks-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = {
    'connector.ts': 'const errors = {};\n// FILL IN: the codes.\n',
    'harness.ts': '  // FILL IN: the server.\n',
    'properties.ts': '// FILL IN: the port.\n\n// FILL IN: the logins.\n',
    'source.ts': '// Nothing.\n',
    'new.test.ts': '// FILL IN: tests.\n',
    'notes.md': '// FILL IN: not code.\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  expect(blanksIn(pathToFileURL(`${folder}/`))).toEqual([
    { file: 'properties.ts', line: 1, what: 'the port.' },
    { file: 'properties.ts', line: 3, what: 'the logins.' },
    { file: 'connector.ts', line: 2, what: 'the codes.' },
    { file: 'harness.ts', line: 1, what: 'the server.' },
    { file: 'new.test.ts', line: 1, what: 'tests.' },
  ]);
  expect(blanksIn(pathToFileURL(`${folder}/none/`))).toEqual([]);
});
