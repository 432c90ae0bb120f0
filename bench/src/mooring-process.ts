import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ApiClient, createApiClient } from '@mooring/contract/client';

/** API key of the administrator of every server that the benchmarks start. */
export const apiKey = 'bench-administrator-key-0123456789';

const program = fileURLToPath(new URL('../../packages/cli/bin/mooring.js', import.meta.url));
const readyPrefix = 'Mooring listening on ';

export interface MooringProcess {
  url: string;
  pid: number;
  /** From the spawn to the ready line. */
  startSeconds: number;
  /** The API, as the administrator. */
  api: ApiClient;
  /** Drains and ends it. */
  stop(): Promise<void>;
}

/** Settings in the caller's environment must not reach the server. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MOORING_'));
  return { ...Object.fromEntries(own), MOORING_ADMIN_KEY: apiKey };
}

async function readUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith(readyPrefix)) return line.slice(readyPrefix.length);
  }
  throw new Error('mooring serve ended before it was ready');
}

/**
 * Starts `mooring serve` as an operator would: logging to a file, on a free port.
 * @param nodeOptions for instance `--cpu-prof`
 */
export async function startMooring(
  dataFolder: string,
  nodeOptions: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): Promise<MooringProcess> {
  const log = openSync(`${dataFolder}.log`, 'a', 0o600);
  const begun = performance.now();
  const flags = ['serve', '--port', '0', '--data', dataFolder, ...more];
  const child = spawn(process.execPath, [...nodeOptions, program, ...flags], {
    stdio: ['ignore', 'pipe', log],
    env: { ...cleanEnvironment(), ...environment },
  });
  closeSync(log);
  const ended = once(child, 'exit');
  const url = await readUrl(child);
  const startSeconds = (performance.now() - begun) / 1000;
  child.stdout?.resume();
  return {
    url,
    pid: child.pid ?? 0,
    startSeconds,
    api: createApiClient({ url, token: apiKey }),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
