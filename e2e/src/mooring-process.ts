import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { guardAgainstOrphan } from '@mooring/lab/orphan-guard';
import { onSmallDisk } from '@mooring/lab/small-disk';
import {
  assertNoDetour,
  type OutboundSocket,
  readSockets,
  watchOption,
} from '@mooring/lab/socket-watch/outbound-sockets';
import { expectNoSecretInRemains, knowSettings } from '@mooring/server/testing/secret-scan';
import { executable, preloads } from './product.js';

// The built product as a separate process, started as a user would start it, with a watch on outgoing sockets: a
// process that opened a socket past the gate, or left a secret behind, fails the test that stops it, whatever the test
// is about.

export interface MooringOptions {
  /** The configuration file as an object. */
  configuration?: object;
  /** In addition to PATH, HOME and the administrator's key; the rest of this process's environment is not passed on. */
  environment?: Readonly<Record<string, string>>;
  /** Kept after `stop`; absent: a temporary one that `stop` removes. */
  dataFolder?: string;
  /** Limit of open files; default: the limit of this process. */
  openFiles?: number;
  /** Puts the data folder on a separate disk of this many bytes, removed with the process. */
  diskBytes?: number;
}

export interface MooringProcess {
  /** Base URL from the ready line, without a slash at its end. */
  url: string;
  adminKey: string;
  dataFolder: string;
  pid: number;
  /** Lines of standard output so far. */
  printed(): readonly string[];
  /** Standard error so far: the log, one JSON object a line. */
  logText(): string;
  /** Sockets that the process opened, or tried to open, so far. */
  sockets(): readonly OutboundSocket[];
  /**
   * SIGTERM, then waits for the exit and removes temporary files.
   * @returns the exit code, null after a signal
   * @throws Error with the stacks of sockets that did not come from the gate, or with where a known secret lies
   */
  stop(): Promise<number | null>;
  /**
   * SIGKILL. Files stay until `stop`, so that the same data folder can be started again.
   * @throws Error with where a known secret lies
   */
  kill(): Promise<void>;
}

const adminKey = 'e2e-administrator-key-0123456789abcdef';
const readyPrefix = 'Mooring listening on ';
const readyWithinMs = 30_000;

function startProcess(options: MooringOptions, folder: string, dataFolder: string) {
  const configFile = path.join(folder, 'config.yaml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(options.configuration ?? {}), { mode: 0o600 });
  const logFile = path.join(folder, 'log.ndjson');
  const log = openSync(logFile, 'a', 0o600);
  const socketFile = path.join(folder, 'sockets.ndjson');
  const { PATH = '', HOME = folder } = process.env;
  const { openFiles, diskBytes } = options;
  const limited = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}:${openFiles}`];
  const disk = diskBytes === undefined ? [] : onSmallDisk(dataFolder, diskBytes);
  const [command = '', ...args] = [...limited, ...disk, process.execPath, executable, 'serve'];
  const child = spawn(command, [...args, '--port', '0', '--data', dataFolder, '--config', configFile], {
    cwd: folder,
    stdio: ['ignore', 'pipe', log],
    env: {
      ...{ PATH, HOME, MOORING_ADMIN_KEY: adminKey },
      // Its runners inherit these options, and are watched too.
      NODE_OPTIONS: watchOption(preloads.socketWatch, socketFile),
      ...options.environment,
    },
  });
  closeSync(log);
  const { stdout } = child;
  if (!stdout) throw new Error('The process has no standard output');
  return {
    child,
    stdout,
    logText: () => readFileSync(logFile, 'utf8'),
    sockets: () => readSockets(socketFile),
  };
}

/**
 * Starts `mooring serve` on a free loopback port and waits for its ready line.
 * @throws Error with the log when it ends before it is ready, or is not ready within 30 seconds
 */
export async function startMooring(options: MooringOptions = {}): Promise<MooringProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-e2e-'));
  const dataFolder = options.dataFolder ?? path.join(folder, 'data');
  knowSettings({ MOORING_ADMIN_KEY: adminKey, ...options.environment }, options.configuration);
  const { child, stdout, logText, sockets } = startProcess(options, folder, dataFolder);
  const pid = child.pid ?? 0;
  const forget = guardAgainstOrphan({ pid, signal: 'TERM' }, folder);
  const ended = once(child, 'exit').then(([code]) => {
    forget();
    return code as number | null;
  });
  const printed: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`mooring serve ${why}:\n${logText()}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`was not ready within ${readyWithinMs} ms`);
    }, readyWithinMs);
    child.once('error', reject);
    createInterface({ input: stdout }).on('line', (line) => {
      printed.push(line);
      if (line.startsWith(readyPrefix)) {
        clearTimeout(timer);
        resolve(line.slice(readyPrefix.length));
      }
    });
    void ended.then((code) => {
      clearTimeout(timer);
      fail(`ended with code ${code}`);
    });
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  let isSearched = false;
  const search = () => {
    if (!isSearched) expectNoSecretInRemains({ log: logText(), printed, dataFolder });
    isSearched = true;
  };
  return {
    url,
    adminKey: options.environment?.['MOORING_ADMIN_KEY'] ?? adminKey,
    dataFolder,
    pid,
    printed: () => printed,
    logText,
    sockets,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      const opened = sockets();
      try {
        search();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      assertNoDetour(opened, options.environment?.['MOORING_DATABASE_URL']);
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
      search();
    },
  };
}
