import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { guardAgainstOrphan } from '@mooring/lab/orphan-guard';
import { expectNoSecretInRemains, knowSettings } from '@mooring/server/testing/secret-scan';
import { executable } from './product.js';

// `mooring serve` when it must not start: it stays sealed, or exits. It prints no ready line.

export interface SealedOptions {
  dataFolder: string;
  environment?: Readonly<Record<string, string>>;
}

export interface SealedMooring {
  /** Where it answers that it is not ready; undefined when it exited. */
  url: string | undefined;
  /** The message with the reason. */
  reason: string;
  printed(): string;
  logText(): string;
  /** The exit code, once it has ended. */
  ended: Promise<number | null>;
  /**
   * @returns the exit code
   * @throws Error with where a known secret lies
   */
  stop(): Promise<number | null>;
}

interface LogLine {
  level: number;
  msg: string;
  url?: string;
  reason?: string;
}

function parseLine(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return undefined;
  }
}

/**
 * Starts the process and waits until it reports that it is sealed, or exits.
 * @throws Error when it prints a ready line.
 */
export async function startSealed({ dataFolder, environment = {} }: SealedOptions): Promise<SealedMooring> {
  knowSettings(environment);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [executable, 'serve', '--port', '0', '--data', dataFolder], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, ...environment },
  });
  const forget = guardAgainstOrphan({ pid: child.pid ?? 0, signal: 'TERM' }, null);
  const ended = once(child, 'exit').then(([code]) => {
    forget();
    return code as number | null;
  });
  let printed = '';
  let log = '';
  let isSealed = false;
  const said = await new Promise<{ url: string | undefined; reason: string }>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (isSealed) return;
      child.kill('SIGKILL');
      reject(new Error(`It came up: ${printed}`));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      const sealed = log
        .split('\n')
        .map(parseLine)
        .find((line) => line?.msg === 'sealed: not ready');
      isSealed ||= sealed !== undefined;
      if (sealed) resolve({ url: sealed.url, reason: sealed.reason ?? '' });
    });
    void ended.then(() => resolve({ url: undefined, reason: log }));
  });
  return {
    ...said,
    printed: () => printed,
    logText: () => log,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      expectNoSecretInRemains({ log, printed: printed.split('\n'), dataFolder });
      return code;
    },
  };
}
