// Counts the processes that tests start, at the place where Node starts all of them, and the CPU time of each file and its
// child processes (`npm run test:profile`).
import { ChildProcess } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';

const write = (line) => appendFileSync(process.env.TEST_PROFILE, `${JSON.stringify(line)}\n`);

/** CPU time of this process and the children it has waited for, ms: proc_pid_stat(5), whose clock ticks are 10 ms. */
function processorMs() {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return (user + system) / 1000 + (Number(fields[13]) + Number(fields[14])) * 10;
}
let before = 0;
beforeAll(() => {
  before = processorMs();
});
// vitest requires a destructuring pattern.
// biome-ignore lint/correctness/noEmptyPattern: vitest parses the first argument
afterAll(({}, { file }) => {
  write({ file: `${file.projectName} ${file.filepath}`, processorMs: processorMs() - before });
});

const counted = Symbol.for('mooring counts starts');
const { spawn } = ChildProcess.prototype;
if (!(counted in spawn)) {
  ChildProcess.prototype.spawn = Object.assign(
    function (options) {
      const file = expect.getState().testPath ?? '';
      const what = options.args?.slice(0, 3).join(' ') ?? options.file;
      write({ file, what });
      return spawn.call(this, options);
    },
    { [counted]: true },
  );
}
