// Breaks each promise of SECURITY.md by one change in a scratch copy, runs its test, and reports whether the test fails.
// `npm run broken-promises`, `-- --only TEXT` for those whose line contains the text, `-- --list`.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scratchCopy } from './scratch-copy.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const breaks = JSON.parse(readFileSync(new URL('broken-promises.json', import.meta.url), 'utf8'));

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, list: { type: 'boolean', default: false } },
});

const lineOf = ({ of, file, find, replace, test, title }) =>
  `${of}  ${file}: ${find.trim()} → ${replace.trim() || '(nothing)'}  ${test}: ${title}`;

function brokenText({ file, find, replace }) {
  const text = readFileSync(path.join(root, file), 'utf8');
  if (text.split(find).length !== 2) throw new Error(`${file} does not have this once: ${find}`);
  return text.replace(find, () => replace);
}

/** @returns the outcome: `noticed`, `NOT noticed`, or `did not run` with its output */
function tryBreak(copy, { test, title, project }) {
  const report = path.join(copy, 'report.json');
  rmSync(report, { force: true });
  // A table of cases replaces `%s` and the like.
  const pattern = title
    .split(/%[sjif]/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  const args = ['vitest', 'run', '--maxWorkers', '1', '--project', project ?? 'embedded store', test];
  const ran = spawnSync('npx', [...args, '-t', pattern, '--reporter', 'json', '--outputFile', report], {
    cwd: copy,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 600_000,
  });
  try {
    const { numFailedTests, numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    if (numFailedTests > 0) return { outcome: 'noticed' };
    // A server that cannot start, or fails the checks at its end, fails the file.
    const failed = testResults.find(({ status }) => status === 'failed');
    if (failed) return { outcome: 'noticed', note: failed.message.split('\n')[0] };
    if (numPassedTests > 0) return { outcome: 'NOT noticed' };
  } catch {
    // No report: below.
  }
  return { outcome: 'did not run', note: `${ran.stdout}${ran.stderr}`.slice(-2_000) };
}

const chosen = breaks.filter((one) => lineOf(one).includes(values.only));
if (values.list) {
  for (const one of chosen) process.stdout.write(`${lineOf(one)}\n`);
  process.exit();
}
const copy = scratchCopy();
let unnoticed = 0;
try {
  for (const one of chosen) {
    const file = path.join(copy, one.file);
    writeFileSync(file, brokenText(one));
    const { outcome, note } = tryBreak(copy, one);
    writeFileSync(file, readFileSync(path.join(root, one.file)));
    if (outcome !== 'noticed') unnoticed += 1;
    process.stdout.write(`${outcome.padEnd(11)}  ${lineOf(one)}${note ? `\n  ${note}` : ''}\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`${chosen.length - unnoticed} of ${chosen.length} were noticed.\n`);
process.exitCode = unnoticed > 0 ? 1 : 0;
