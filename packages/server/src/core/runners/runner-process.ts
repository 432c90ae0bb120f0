import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Login, Retries } from '@mooring/connectors/spec/connector';
import type { Secret } from '@mooring/connectors/spec/secret';
import type { RefusalEvent } from '../egress/gate.js';
import type { EgressSettings } from '../egress/policy.js';
import type { Finding } from '../sessions/finding.js';
import type { Plan } from '../sessions/session-work.js';
import type { StreamOutcome } from '../streams/caps.js';
import { crashed, type Ending, endingOf } from './endings.js';
import { permissionOptions } from './permissions.js';
import { type Usage, usageOf } from './usage.js';
import { endWithThis } from './warden.js';
import { packError, pipeFd, type Report, speak, unpackError } from './wire.js';

/** What a runner is told to do, and who hears of it. */
export interface UseInRunner {
  plan: Plan;
  egress: EgressSettings;
  accessToken: Login['accessToken'] | undefined;
  found(finding: Finding): void;
  piece(bytes: Buffer, rows: number): void;
  ended(outcome: StreamOutcome): void;
  failed(error: Error): void;
}

export interface StartedUse {
  /** Bytes that its reader has taken. */
  taken(bytes: number): void;
  cancel(reason: unknown): void;
}

/** A process of its own for the work of one user; the service's end of its pipe. */
export interface RunnerProcess {
  readonly pid: number;
  /** One that has ended already fails it. */
  begin(use: UseInRunner): StartedUse;
  /** Ends it where its loop stands still or its memory is over the share. @param isLate this process was itself away */
  look(isLate: boolean): void;
  memoryBytes(): number;
  /** Ends it at once; its uses fail. */
  kill(ending: Ending): void;
  /** Ends it in peace: nothing is under way in it. */
  close(): void;
  hasEnded(): boolean;
  /** It need not be waited for; never settles for one that ends before. */
  readonly ready: Promise<void>;
  readonly ended: Promise<Ending>;
}

export interface RunnerOptions {
  /** Instead of the program that lies beside this one. */
  entry?: string | undefined;
  memoryMb: number;
  /** Of the whole service. */
  retries: Retries;
  onRefused(refusal: RefusalEvent): void;
  /** Where an error that nobody caught came from, as one line of JSON. */
  onStray(line: string): void;
}

const besideThis = fileURLToPath(new URL('./runner-main.js', import.meta.url));
/** The rest is for what lies outside the heap. */
const shareOfHeap = 0.75;
/** Of the environment, what decides how Node, TLS, names and times work; nothing else of it gets there. */
const passedOn = [
  ...['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF'],
  ...['TZ', 'LANG', 'LC_ALL', 'LOCALDOMAIN', 'RES_OPTIONS'],
];
const closeMs = 1_000;
/** How long the loop may stand still: of its own processor time, and by the clock. */
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
    // Below the service, also where that was itself started with little.
    const { PRIORITY_BELOW_NORMAL: below, PRIORITY_LOW: lowest } = constants.priority;
    setPriority(child.pid, Math.min(Math.max(getPriority() + 1, below), lowest));
    // When the machine is out of memory, it ends a runner and not the service.
    writeFileSync(`/proc/${child.pid}/oom_score_adj`, '500');
  } catch {
    // It has ended already, or the system does not let us.
  }
  return { child, pid: child.pid, pipe, stderr: child.stderr };
}

/** @throws Error when the system starts no process */
export function startRunner(options: RunnerOptions): RunnerProcess {
  const started = startProcess(options);
  if (!started) throw new Error('No runner could be started.');
  const { child, pid, pipe, stderr } = started;
  const uses = new Map<number, UseInRunner>();
  let count = 0;
  let decided: Ending | undefined;
  let turned = { at: performance.now(), processorSeconds: 0 };
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
  const noteTurn = () => {
    turned = { at: performance.now(), processorSeconds: usageOf(pid)?.processorSeconds ?? 0 };
  };
  const answerTo = async ({ use: id, call, question }: Extract<Report, { kind: 'asked' }>) => {
    const use = uses.get(id);
    if (!use) return;
    const asked: Promise<Secret<string> | boolean> =
      question.kind === 'retry'
        ? options.retries.take(question.origin)
        : (use.accessToken?.({ renew: question.renew }) ?? Promise.reject(new Error('There are no tokens.')));
    const answer = await asked.then(
      (value) => ({ value }),
      (error: unknown) => ({ error: packError(error) }),
    );
    wire.order({ kind: 'answer', use: id, call, ...answer });
  };
  const hear = (report: Report) => {
    if (report.kind === 'ready') return setReady();
    if (report.kind === 'turned') return noteTurn();
    if (report.kind === 'refused') return options.onRefused(report.refusal);
    if (report.kind === 'asked') return void answerTo(report);
    if (report.kind === 'retries') return options.retries[report.change](report.origin);
    const use = uses.get(report.use);
    if (report.kind === 'found') return use?.found(report.finding);
    uses.delete(report.use);
    if (report.kind === 'ended') use?.ended(report.outcome);
    else use?.failed(unpackError(report.error));
  };
  const handlers = {
    message: (message: unknown) => hear(message as Report),
    chunk: (id: number, piece: Buffer, rows: number) => uses.get(id)?.piece(piece, rows),
  };
  const wire = speak(pipe, handlers, () => kill('protocol'));
  pipe.on('error', () => kill('failure'));
  stderr.setEncoding('utf8').on('data', (text: string) => {
    // What it says at its very end is what counts.
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
      if (uses.size === 0) noteTurn();
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
      // One with nothing to do tells nothing.
      const clock = uses.size === 0 ? 0 : (performance.now() - turned.at) / 1000;
      const processor = usage ? usage.processorSeconds - turned.processorSeconds : 0;
      if (processor > loopSeconds.processor || clock > loopSeconds.clock) kill('loop');
    },
    close() {
      decided ??= 'closed';
      pipe.end();
      setTimeout(() => child.kill('SIGKILL'), closeMs).unref();
    },
  };
}
