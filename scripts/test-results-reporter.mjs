import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Where a run leaves what became of each test: `{[project]: {[file]: {digest, tests: {[full name]: state}}}}`. */
export const resultsFile = new URL('../.cache/test-results.json', import.meta.url);

/** SHA-256 of a test file as it is now: a result counts only for the text that gave it. */
export const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

export function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8'));
  } catch {
    return {};
  }
}

/** Keeps what became of each test for `npm run security-report`. A run of a few files replaces what is known of those. */
export default class TestResultsReporter {
  onTestRunEnd(modules) {
    const results = readResults();
    for (const module of modules) {
      const file = path.relative(process.cwd(), module.moduleId);
      const tests = [...module.children.allTests()].map((test) => [test.fullName, test.result().state]);
      const ran = tests.filter(([, state]) => state === 'passed' || state === 'failed');
      // A file that fails before its tests has none that ran; what it said in an earlier run must not stand.
      if (ran.length === 0 && module.state() !== 'failed') continue;
      results[module.project.name] ??= {};
      const ofProject = results[module.project.name];
      const digest = digestOf(module.moduleId);
      const known = ofProject[file]?.digest === digest && ran.length > 0 ? ofProject[file].tests : {};
      ofProject[file] = { digest, tests: { ...known, ...Object.fromEntries(ran) } };
    }
    mkdirSync(new URL('.', resultsFile), { recursive: true });
    writeFileSync(resultsFile, JSON.stringify(results));
  }
}
