import { spawnSync } from 'node:child_process';
import type { Logger } from 'pino';
import { ConfigError, loadConfig, type ServeFlags } from '../core/config/config.js';
import { type AdminKey, makeAdminKey } from './admin-key.js';
import { createLog } from './log.js';
import { type RunningServer, serve } from './serve.js';

/**
 * Keeps one failure from ending everything: what a driver throws outside of any request is logged and the others go
 * on. Warnings of libraries become log lines, so that standard error stays JSON.
 */
function guardProcess(log: Logger): void {
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a rejection was handled by nobody'));
  process.on('uncaughtException', (error) => log.error({ err: error }, 'an exception was caught by nobody'));
  process.removeAllListeners('warning');
  process.on('warning', (warning) =>
    log.warn({ type: warning.name, code: (warning as { code?: string }).code }, warning.message),
  );
}

/** Names of the variables that hold a key or a password of the server. */
const secretVariables = [
  'MOORING_MASTER_KEY',
  'MOORING_MASTER_KEY_PREVIOUS',
  'MOORING_ADMIN_KEY',
  'MOORING_DATABASE_URL',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
];

/**
 * Keeps what is in memory from leaving the process by the doors that Node and the system leave open: the debugger that
 * SIGUSR1 starts, diagnostic reports (they print the environment), and core files.
 */
function closeDebugDoors(log: Logger): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.warn({ signal }, 'ignored: a running service has no debugger'));
  }
  if (process.report) {
    process.report.reportOnFatalError = false;
    process.report.reportOnSignal = false;
    process.report.reportOnUncaughtException = false;
  }
  if (process.platform !== 'linux') return;
  // Node has no call for a resource limit.
  const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'] },
  });
  if (status !== 0) {
    log.warn('core files could not be turned off; start the service with: ulimit -c 0');
  }
}

/** Options of Node that open a door to what is in memory, or write it to files, and that nothing takes back later. */
const memoryOptions = /--(?:inspect|heapsnapshot)[\w-]*/;

/**
 * An environment is inherited, often by more than it was meant for. On the command line these options are the will of
 * whoever starts the service.
 * @throws ConfigError
 */
function refuseMemoryOptions(): void {
  const [option] = memoryOptions.exec((process.env['NODE_OPTIONS'] ?? '').replaceAll('_', '-')) ?? [];
  if (option === undefined) return;
  throw new ConfigError(
    `NODE_OPTIONS holds ${option}, which lets what is in memory out of the process, secrets among it. Start the service without it.`,
  );
}

/** `mooring serve` as a process of its own. @throws ConfigError for settings that make no sense */
export async function runServer(flags: ServeFlags): Promise<RunningServer> {
  refuseMemoryOptions();
  const log = createLog(loadConfig(flags).logLevel);
  guardProcess(log);
  const environment = { ...process.env };
  // So that no process which is started from here gets them.
  for (const name of secretVariables) delete process.env[name];
  closeDebugDoors(log);
  return serve(flags, { log, environment });
}

/** `mooring admin-key`. @throws ConfigError when there is no store; KeyError and StoreError as at a start */
export function runAdminKey(flags: ServeFlags): Promise<AdminKey> {
  return makeAdminKey(flags, createLog(loadConfig(flags).logLevel));
}
