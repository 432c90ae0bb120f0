import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Results of a run: `{[project]: {[file]: {digest, tests: {[full name]: state}}}}`. */
export const resultsFile = new URL('../.cache/test-results.json', import.meta.url);

/** SHA-256 of the current test file: a result counts only for the same text. */
export const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

export function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8'));
  } catch {
    return {};
  }
}

/** Stores test results for `npm run security-report`. A run of a few files replaces the results of these files. */
export default class TestResultsReporter {
  onTestRunEnd(modules) {
    const results = readResults();
    for (const module of modules) {
      const file = path.relative(process.cwd(), module.moduleId);
      const tests = [...module.children.allTests()].map((test) => [test.fullName, test.result().state]);
      const ran = tests.filter(([, state]) => state === 'passed' || state === 'failed');
      // A file that fails before its tests has no results; those of an earlier run must not remain.
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
