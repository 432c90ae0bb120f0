import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** The failures of the last run, as text; empty if there were none. */
const failuresFile = new URL('../.cache/test-failures.txt', import.meta.url);

/** Enough to see the expected and the actual value; the full message is in the output of the test. */
const longest = 1500;

function told(title, errors) {
  const words = errors.map(({ message, diff, stack }) => {
    const at = stack?.split('\n').find((line) => /\.test\.ts/.test(line));
    return [message, diff, at].filter(Boolean).join('\n').slice(0, longest);
  });
  return stripVTControlCharacters([`FAILED ${title}`, ...words].join('\n').replaceAll('\n', '\n    '));
}

const fileOf = (module) => `${module.project.name} > ${path.relative(process.cwd(), module.moduleId)}`;

const failureOf = (test) =>
  told(
    `${fileOf(test.module)} > ${test.fullName} (${Math.round(test.diagnostic()?.duration ?? 0)} ms)`,
    test.result().errors,
  );

/** Ends a test run with its failures and one plain line that any caller can parse: `N passed, N failed`. */
export default class ClosingLineReporter {
  onInit() {
    const { TEST_TIER: tier = 'quick', TEST_SEED: seed } = process.env;
    process.stdout.write(`Tier ${tier}, seed ${seed} (TEST_SEED=${seed} repeats it)\n`);
  }

  /** Immediately: an interrupted run has no end. */
  onTestCaseResult(test) {
    if (test.result().state === 'failed') process.stdout.write(`\n${failureOf(test)}\n\n`);
  }

  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    const failures = unhandledErrors.map((error) => told('outside of any test', [error]));
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      passed += tests.filter((test) => test.result().state === 'passed').length;
      const failed = tests.filter((test) => test.result().state === 'failed');
      failures.push(...failed.map(failureOf));
      // A failing hook belongs to a suite, and if it fails before the tests, none of them is marked as failed.
      const suites = [module, ...module.children.allSuites()];
      const hooks = suites.flatMap((suite) => suite.errors());
      if (hooks.length > 0 || (module.state() === 'failed' && failed.length === 0))
        failures.push(told(`${fileOf(module)} (outside of its tests)`, hooks));
    }
    mkdirSync(new URL('.', failuresFile), { recursive: true });
    writeFileSync(failuresFile, failures.map((failure) => `${failure}\n`).join('\n'));
    this.line = `${passed} passed, ${failures.length} failed`;
    process.once('exit', () => process.stdout.write(`\n${this.line}\n`));
  }
}
