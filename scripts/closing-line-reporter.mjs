/** Ends a test run with one plain line that any runner of it can count: `N passed, N failed`. */
export default class ClosingLineReporter {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      passed += states.filter((state) => state === 'passed').length;
      failed += states.filter((state) => state === 'failed').length;
      if (module.state() === 'failed' && !states.includes('failed')) failed += 1;
    }
    this.line = `${passed} passed, ${failed} failed`;
    process.once('exit', () => process.stdout.write(`\n${this.line}\n`));
  }
}
