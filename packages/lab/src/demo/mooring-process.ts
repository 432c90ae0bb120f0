import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { guardAgainstOrphan } from '../orphan-guard.js';

export interface MooringOptions {
  /** Program and arguments that come before `serve`. */
  command: readonly string[];
  /** Holds the data, the configuration and the log; removed should this process be killed. */
  folder: string;
  configFile: string;
  environment: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** A running `mooring serve`. */
export interface MooringProcess {
  url: string;
  dataFolder: string;
  /** What it wrote to standard error so far: JSON lines. */
  log(): string;
  /** Settles when the process ends, for whatever reason. */
  ended: Promise<unknown>;
  /** SIGTERM, then waits. @returns its exit code, 0 when it drained in time. */
  stop(): Promise<number | null>;
}

const readyLine = /^Mooring listening on (\S+)/;
const startSeconds = 60;
const stopSeconds = 20;

/** Everything but settings of another Mooring, which would change what the demo shows. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MOORING_')));
}

async function readUrl(child: ChildProcess, signal: AbortSignal): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  const lines = createInterface({ input: child.stdout, signal });
  for await (const line of lines) {
    const url = readyLine.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}

function stopper(child: ChildProcess, ended: Promise<unknown>, release: () => void) {
  return async () => {
    const force = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(force);
    release();
    return child.exitCode;
  };
}

/**
 * Starts `mooring serve` on a free port and waits until it listens. It runs in a process group of its own, so
 * that Ctrl-C reaches only the demo, which then stops it in order.
 * @throws Error with the end of its log when it ends before that.
 */
export async function startMooring(options: MooringOptions): Promise<MooringProcess> {
  const { folder, configFile, signal } = options;
  const [program = '', ...first] = options.command;
  const logFile = `${folder}/mooring.log`;
  const dataFolder = `${folder}/data`;
  const logDescriptor = openSync(logFile, 'a', 0o600);
  const flags = ['serve', '--port', '0', '--data', dataFolder, '--config', configFile];
  const child = spawn(program, [...first, ...flags], {
    detached: true,
    stdio: ['ignore', 'pipe', logDescriptor],
    env: { ...cleanEnvironment(), ...options.environment },
  });
  closeSync(logDescriptor);
  const ended = once(child, 'exit').catch(() => undefined);
  const release = guardAgainstOrphan({ pid: child.pid ?? 0, signal: 'TERM' }, folder);
  const stop = stopper(child, ended, release);
  const log = () => readFileSync(logFile, 'utf8');
  const starting = AbortSignal.any([signal, AbortSignal.timeout(startSeconds * 1000)]);
  const url = await readUrl(child, starting).catch(() => undefined);
  if (url === undefined) {
    await stop();
    signal.throwIfAborted();
    throw new Error(`Mooring did not start.\n${log().slice(-2000)}`);
  }
  // Whatever it prints from now on is not wanted, but the pipe must not fill up.
  child.stdout?.resume();
  return { url, dataFolder, log, ended, stop };
}
