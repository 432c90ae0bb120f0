// Reports every security and reliability case, by the last results of the tests that have its id. Any state other than "passes"
// and "waits for" fails the command.
import { existsSync, readFileSync } from 'node:fs';
import { digestOf, readResults } from './test-results-reporter.mjs';
import { filesOf } from './test-tiers.mjs';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../docs/reference/${name}`, import.meta.url), 'utf8'));
const cases = read('security-cases.json');
const waiting = new Map(read('security-waiting.json').map(({ id, waits }) => [id, waits]));

/** Ids in a text: cases have two digits, defects (`TR4`) one or two; `R13–R15` includes R14. */
function idsIn(text) {
  const ids = new Set(text.match(/\b(?:[VOSXDWRC]\d\d|(?:TR|LI|NO)\d\d?)\b/g));
  for (const [, letter, from, to] of text.matchAll(/\b([VOSXDWRC])(\d\d)\s?[-–]\s?\1(\d\d)\b/g)) {
    for (let number = Number(from); number <= Number(to); number += 1) {
      ids.add(letter + String(number).padStart(2, '0'));
    }
  }
  return ids;
}

const evidence = new Map(cases.map(({ id }) => [id, { passed: new Set(), problems: new Set() }]));
const note = (id, kind, text) => evidence.get(id)?.[kind].add(text);

const ranFiles = new Set();
for (const files of Object.values(readResults())) {
  for (const [file, { digest, tests }] of Object.entries(files)) {
    if (!existsSync(file) || digestOf(file) !== digest) continue;
    ranFiles.add(file);
    for (const [name, state] of Object.entries(tests)) {
      for (const id of idsIn(name)) {
        if (state === 'passed') note(id, 'passed', file);
        else note(id, 'problems', `failed: ${file}, ${name}`);
      }
    }
  }
}

// Titles as written in the source, so that a file with a case that was not run does not count as passed.
const withoutComments = (text) => text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '');
// Files of the long tier only are not required in a quick run: files in both tiers have the same cases.
for (const file of Object.keys(await filesOf('quick'))) {
  if (ranFiles.has(file)) continue;
  for (const id of idsIn(withoutComments(readFileSync(file, 'utf8'))))
    note(id, 'problems', `not run: ${file}`);
}

const rows = cases.map(({ id, priority, case: words }) => {
  const { passed, problems } = evidence.get(id);
  if (problems.size > 0) return { id, priority, words, problem: [...problems].join('; ') };
  if (waiting.has(id)) return { id, priority, words, state: `waits for ${waiting.get(id)}` };
  if (passed.size === 0)
    return { id, priority, words, problem: 'no test has its id, and it is not listed as waiting' };
  return { id, priority, words, state: `passes: ${[...passed].sort().join(', ')}` };
});
const widest = Math.max(...rows.map(({ words }) => words.length));
for (const { id, priority, words, state, problem } of rows) {
  process.stdout.write(`${id}  ${priority}  ${words.padEnd(widest)}  ${state ?? `PROBLEM ${problem}`}\n`);
}

const unknown = [...waiting.keys()].filter((id) => !evidence.has(id));
const faults = rows.filter(({ problem }) => problem);
if (faults.length + unknown.length > 0) {
  process.stderr.write(
    `\n${faults.length} of ${rows.length} cases neither pass nor wait: ${faults.map(({ id }) => id).join(', ')}\n`,
  );
  for (const { id, problem } of faults) process.stderr.write(`  ${id}  ${problem}\n`);
  if (unknown.length > 0) process.stderr.write(`Listed as waiting, but not a case: ${unknown.join(', ')}\n`);
  process.stderr.write(
    'Run the tests (npm test), or list in docs/reference/security-waiting.json what a case waits for.\n',
  );
  process.exit(1);
}
