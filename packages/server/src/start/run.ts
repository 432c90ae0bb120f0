import { spawnSync } from 'node:child_process';
import type { Logger } from 'pino';
import { ConfigError, loadConfig, type ServeFlags } from '../core/config/config.js';
import { type AdminKey, makeAdminKey } from './admin-key.js';
import { createLog } from './log.js';
import { type RunningServer, serve } from './serve.js';

/**
 * Logs errors that a driver throws outside any request, instead of letting them end the process. Warnings of libraries
 * become log lines, so that standard error stays JSON.
 */
function guardProcess(log: Logger): void {
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled promise rejection'));
  process.on('uncaughtException', (error) => log.error({ err: error }, 'uncaught exception'));
  process.removeAllListeners('warning');
  process.on('warning', (warning) =>
    log.warn({ type: warning.name, code: (warning as { code?: string }).code }, warning.message),
  );
}

/** Environment variables that hold a key or a password of the server. */
const secretVariables = [
  'MOORING_MASTER_KEY',
  'MOORING_MASTER_KEY_PREVIOUS',
  'MOORING_ADMIN_KEY',
  'MOORING_DATABASE_URL',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
];

/**
 * Disables the ways in which Node and the system dump the memory of a process: the debugger that SIGUSR1 starts,
 * diagnostic reports (they print the environment) and core files.
 */
function closeDebugDoors(log: Logger): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.warn({ signal }, 'signal ignored: the debugger is disabled'));
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
    log.warn('core files could not be disabled; start the service with: ulimit -c 0');
  }
}

/** Options of Node that expose the memory of the process or write it to files, and cannot be reverted at run time. */
const memoryOptions = /--(?:inspect|heapsnapshot)[\w-]*/;

/**
 * An environment variable is inherited, often by more processes than it was meant for. The same options on the command
 * line are a deliberate choice, so they are accepted.
 * @throws ConfigError
 */
function refuseMemoryOptions(): void {
  const [option] = memoryOptions.exec((process.env['NODE_OPTIONS'] ?? '').replaceAll('_', '-')) ?? [];
  if (option === undefined) return;
  throw new ConfigError(
    `NODE_OPTIONS holds ${option}, which exposes the memory of the process, secrets included. Start the service without it.`,
  );
}

/** `mooring serve` as a process. @throws ConfigError for settings that are not valid */
export async function runServer(flags: ServeFlags): Promise<RunningServer> {
  refuseMemoryOptions();
  const log = createLog(loadConfig(flags).logLevel);
  guardProcess(log);
  const environment = { ...process.env };
  // Child processes must not inherit them.
  for (const name of secretVariables) delete process.env[name];
  closeDebugDoors(log);
  return serve(flags, { log, environment });
}

/** `mooring admin-key`. @throws ConfigError when there is no store; KeyError and StoreError as at a start */
export function runAdminKey(flags: ServeFlags): Promise<AdminKey> {
  return makeAdminKey(flags, createLog(loadConfig(flags).logLevel));
}
