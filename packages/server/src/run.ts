import type { Logger } from 'pino';
import { loadConfig, type ServeFlags } from './config.js';
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

/** `mooring serve` as a process of its own. @throws ConfigError for settings that make no sense */
export async function runServer(flags: ServeFlags): Promise<RunningServer> {
  const log = createLog(loadConfig(flags).logLevel);
  guardProcess(log);
  return serve(flags, { log });
}
