import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Retries } from '@mooring/connectors/spec/connector';
import type { RefusalEvent } from '../egress/gate.js';
import { crashed, type Ending, endingOf } from './endings.js';
import { permissionOptions } from './permissions.js';
import { reportHandlers, type UseInRunner } from './runner-reports.js';
import { type Usage, usageOf } from './usage.js';
import { endWithThis } from './warden.js';
import { packError, pipeFd, speak } from './wire.js';

export interface StartedUse {
  /** Bytes that the reader has taken. */
  taken(bytes: number): void;
  cancel(reason: unknown): void;
}

/** A runner process, as the server sees it. */
export interface RunnerProcess {
  readonly pid: number;
  /** The use fails at once when the runner has already ended. */
  begin(use: UseInRunner): StartedUse;
  /**
   * Kills it when its event loop is blocked or its memory over the limit. @param isLate this process was blocked
   * itself
   */
  look(isLate: boolean): void;
  memoryBytes(): number;
  /** Kills it; its uses fail. */
  kill(ending: Ending): void;
  /** Ends it gracefully. It must have no uses. */
  close(): void;
  hasEnded(): boolean;
  /** Uses can begin before. Never settles when the runner ends first. */
  readonly ready: Promise<void>;
  readonly ended: Promise<Ending>;
}

export interface RunnerOptions {
  /** Program to run; absent: the one next to this file. */
  entry?: string | undefined;
  memoryMb: number;
  /** Retry budgets of the whole server. */
  retries: Retries;
  onRefused(refusal: RefusalEvent): void;
  /** Gets the stack frames of an uncaught error, as one line of JSON. */
  onStray(line: string): void;
}

const besideThis = fileURLToPath(new URL('./runner-main.js', import.meta.url));
/** The rest is for memory outside the heap. */
const shareOfHeap = 0.75;
/** Environment variables that a runner gets: those that configure Node, TLS, name resolution and times. */
const passedOn = [
  ...['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF'],
  ...['TZ', 'LANG', 'LC_ALL', 'LOCALDOMAIN', 'RES_OPTIONS'],
];
const closeMs = 1_000;
/** How long the event loop may be blocked: in processor time, and in wall time. */
const loopSeconds = { processor: 2, clock: 15 };
const strayLengthMax = 8192;

function startProcess({ entry = besideThis, memoryMb }: RunnerOptions) {
  const environment = passedOn.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  const heap = `--max-old-space-size=${Math.floor(memoryMb * shareOfHeap)}`;
  const child = spawn(process.execPath, [heap, ...permissionOptions(entry), entry, String(memoryMb)], {
    cwd: '/',
    env: Object.fromEntries(environment),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  child.on('error', () => undefined);
  const pipe = child.stdio[pipeFd] as Duplex | null | undefined;
  if (child.pid === undefined || !pipe || !child.stderr) return undefined;
  try {
    // Below the server, also where that was started with low priority.
    const { PRIORITY_BELOW_NORMAL: below, PRIORITY_LOW: lowest } = constants.priority;
    setPriority(child.pid, Math.min(Math.max(getPriority() + 1, below), lowest));
    // When the machine is out of memory, the kernel kills a runner and not the server.
    writeFileSync(`/proc/${child.pid}/oom_score_adj`, '500');
  } catch {
    // It has already ended, or the system does not permit it.
  }
  return { child, pid: child.pid, pipe, stderr: child.stderr };
}

/** When the event loop of a runner last turned, as the runner reports. */
function createTurns(pid: number) {
  let turned = { at: performance.now(), processorSeconds: 0 };
  return {
    note() {
      turned = { at: performance.now(), processorSeconds: usageOf(pid)?.processorSeconds ?? 0 };
    },
    /** @param isIdle a runner without uses reports no turns */
    hasStopped(usage: Usage | undefined, isIdle: boolean): boolean {
      const clock = isIdle ? 0 : (performance.now() - turned.at) / 1000;
      const processor = usage ? usage.processorSeconds - turned.processorSeconds : 0;
      return processor > loopSeconds.processor || clock > loopSeconds.clock;
    },
  };
}

/** @throws Error when the system starts no process */
export function startRunner(options: RunnerOptions): RunnerProcess {
  const started = startProcess(options);
  if (!started) throw new Error('No runner could be started.');
  const { child, pid, pipe, stderr } = started;
  const uses = new Map<number, UseInRunner>();
  let count = 0;
  let decided: Ending | undefined;
  const turns = createTurns(pid);
  let usage: Usage | undefined;
  let over: Ending | undefined;
  let stray = '';
  const forget = endWithThis(pid);

  let setReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    setReady = resolve;
  });
  const kill = (ending: Ending) => {
    decided ??= ending;
    child.kill('SIGKILL');
  };
  const handlers = reportHandlers({
    ...{ uses, retries: options.retries, onRefused: options.onRefused },
    ready: () => setReady(),
    turned: turns.note,
    answer: (order) => wire.order(order),
  });
  const wire = speak(pipe, handlers, () => kill('protocol'));
  pipe.on('error', () => kill('failure'));
  stderr.setEncoding('utf8').on('data', (text: string) => {
    // Only the end of the output matters.
    stray = (stray + text).slice(-strayLengthMax);
  });

  const ended = once(child, 'exit').then(([code, signal]) => {
    const ending = decided ?? endingOf(code as number | null, signal as NodeJS.Signals | null);
    over = ending;
    forget();
    for (const line of stray.split('\n')) if (line.startsWith('{"name":')) options.onStray(line);
    for (const use of uses.values()) use.failed(crashed(ending));
    uses.clear();
    return ending;
  });

  return {
    pid,
    ready,
    ended,
    kill,
    hasEnded: () => over !== undefined,
    memoryBytes: () => usage?.memoryBytes ?? 0,
    begin(use) {
      count += 1;
      const id = count;
      if (over) use.failed(crashed(over));
      if (uses.size === 0) turns.note();
      uses.set(id, use);
      const { plan, egress } = use;
      wire.order({ kind: 'start', use: id, plan, egress, hasTokens: use.accessToken !== undefined });
      return {
        taken: (bytes) => wire.credit(id, bytes),
        cancel: (reason) => wire.order({ kind: 'cancel', use: id, reason: packError(reason) }),
      };
    },
    look(isLate) {
      usage = usageOf(pid);
      if (usage && usage.memoryBytes > options.memoryMb * 1024 * 1024) return kill('memory');
      if (isLate) return;
      if (turns.hasStopped(usage, uses.size === 0)) kill('loop');
    },
    close() {
      decided ??= 'closed';
      pipe.end();
      setTimeout(() => child.kill('SIGKILL'), closeMs).unref();
    },
  };
}
