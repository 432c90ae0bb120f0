// Counts the processes that tests start (`npm run test:profile`), where Node starts all of them.
import { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';

const counted = Symbol.for('mooring counts starts');
const { spawn } = ChildProcess.prototype;
if (!(counted in spawn)) {
  ChildProcess.prototype.spawn = Object.assign(
    function (options) {
      const file = expect.getState().testPath ?? '';
      const what = options.args?.slice(0, 3).join(' ') ?? options.file;
      appendFileSync(process.env.TEST_PROFILE, `${JSON.stringify({ file, what })}\n`);
      return spawn.call(this, options);
    },
    { [counted]: true },
  );
}
