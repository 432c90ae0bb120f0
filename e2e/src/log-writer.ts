import { createLog } from '@mooring/server/start/log';

// A process that logs so many lines and then ends as told: what of its log is there afterwards?

const [, , lines = '0', ending = 'exit'] = process.argv;
const log = createLog('info');
for (let line = 0; line < Number(lines); line += 1) log.info({ line }, 'request');

const endings: Record<string, () => void> = {
  exit: () => process.exit(0),
  'empty loop': () => undefined,
  exception: () => {
    throw new Error('not caught');
  },
  rejection: () => void Promise.reject(new Error('not handled')),
  // Nothing can be written any more then: only what was written before is there.
  'killed a moment later': () => void setTimeout(() => process.kill(process.pid, 'SIGKILL'), 150),
};
endings[ending]?.();
