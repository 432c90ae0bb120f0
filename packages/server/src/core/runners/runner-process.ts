import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { TokenSource } from '@mooring/connectors/interface/login';
import type { Retries } from '@mooring/connectors/interface/retries';
import type { RefusalEvent } from '../egress/gate.js';
import type { EgressSettings } from '../egress/policy.js';
import type { Finding } from '../sessions/finding.js';
import type { Plan } from '../sessions/session-work.js';
import type { StreamOutcome } from '../streams/caps.js';
import { crashed, type Ending, endingOf } from './endings.js';
import { permissionOptions } from './permissions.js';
import { type Usage, usageOf } from './usage.js';
import { endWithThis } from './warden.js';
import { type Order, packError, pipeFd, type Question, type Report, speak, unpackError } from './wire.js';

/** A use in a runner, and the receivers of its output. */
export interface UseInRunner {
  plan: Plan;
  egress: EgressSettings;
  token: TokenSource | undefined;
  found(finding: Finding): void;
  piece(bytes: Buffer, rows: number): void;
  ended(outcome: StreamOutcome): void;
  failed(error: Error): void;
}

/** A runner process, as the server sees it. */
export type RunnerProcess = ReturnType<typeof startRunner>;

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

/** Collects what a runner writes on an uncaught error. Only the end of the output matters. */
function collectStray(stderr: Readable): () => string[] {
  let stray = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    stray = (stray + text).slice(-strayLengthMax);
  });
  return () => stray.split('\n').filter((line) => line.startsWith('{"name":'));
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

/** Answers what a runner requests for a use: an access token, or permission to retry. */
async function answerOf(question: Question, use: UseInRunner, retries: Retries) {
  const asked =
    question.kind === 'retry'
      ? retries.take(question.origin)
      : (use.token?.({ renew: question.renew }) ??
        Promise.reject(new Error('This use has no access tokens.')));
  return asked.then(
    (value) => ({
      value: typeof value === 'boolean' ? value : { token: value, apiOrigin: value.apiOrigin },
    }),
    (error: unknown) => ({ error: packError(error) }),
  );
}

interface ReportTargets extends Pick<RunnerOptions, 'retries' | 'onRefused'> {
  uses: Map<number, UseInRunner>;
  ready(): void;
  turned(): void;
  strayed(): void;
  answer(order: Order): void;
}

/** Hands what a runner reports to the use it is about. */
function reportHandlers(targets: ReportTargets) {
  const { uses, retries } = targets;
  const answerTo = async ({ use: id, call, question }: Extract<Report, { kind: 'asked' }>) => {
    const use = uses.get(id);
    if (!use) return;
    const answer = await answerOf(question, use, retries);
    targets.answer({ kind: 'answer', use: id, call, ...answer });
  };
  const hear = (report: Report) => {
    if (report.kind === 'ready') return targets.ready();
    if (report.kind === 'turned') return targets.turned();
    if (report.kind === 'strayed') return targets.strayed();
    if (report.kind === 'refused') return targets.onRefused(report.refusal);
    if (report.kind === 'asked') return void answerTo(report);
    if (report.kind === 'retries') return retries[report.change](report.origin);
    const use = uses.get(report.use);
    if (report.kind === 'found') return use?.found(report.finding);
    uses.delete(report.use);
    if (report.kind === 'ended') use?.ended(report.outcome);
    else use?.failed(unpackError(report.error));
  };
  return {
    message: (message: unknown) => hear(message as Report),
    chunk: (id: number, piece: Buffer, rows: number) => uses.get(id)?.piece(piece, rows),
  };
}

/** What happens once, or never. */
function createOccurrence() {
  let hasHappened = false;
  let settle: () => void = () => undefined;
  const happened = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return {
    happened,
    hasHappened: () => hasHappened,
    happen() {
      hasHappened = true;
      settle();
    },
  };
}

/** @throws Error when the system starts no process */
export function startRunner(options: RunnerOptions) {
  const started = startProcess(options);
  if (!started) throw new Error('No runner could be started.');
  const { child, pid, pipe, stderr } = started;
  const uses = new Map<number, UseInRunner>();
  let count = 0;
  let decided: Ending | undefined;
  const turns = createTurns(pid);
  let usage: Usage | undefined;
  let over: Ending | undefined;
  const forget = endWithThis(pid);

  const [ready, strayed] = [createOccurrence(), createOccurrence()];
  const kill = (ending: Ending) => {
    decided ??= ending;
    child.kill('SIGKILL');
  };
  const handlers = reportHandlers({
    ...{ uses, retries: options.retries, onRefused: options.onRefused },
    ready: ready.happen,
    turned: turns.note,
    strayed: strayed.happen,
    answer: (order) => wire.order(order),
  });
  const wire = speak(pipe, handlers, () => kill('protocol'));
  pipe.on('error', () => kill('failure'));
  const strayLines = collectStray(stderr);

  const ended = once(child, 'exit').then(([code, signal]) => {
    const ending = decided ?? endingOf(code as number | null, signal as NodeJS.Signals | null);
    over = ending;
    forget();
    for (const line of strayLines()) options.onStray(line);
    for (const use of uses.values()) use.failed(crashed(ending));
    uses.clear();
    return ending;
  });

  return {
    pid,
    /** Uses can begin before. Never settles when the runner ends first. */
    ready: ready.happened,
    ended,
    /** Kills it; its uses fail. */
    kill,
    hasEnded: () => over !== undefined,
    /** Settles when a driver has failed in it, perhaps never. Its module state is not to be trusted any more. */
    strayed: strayed.happened,
    hasStrayed: strayed.hasHappened,
    memoryBytes: () => usage?.memoryBytes ?? 0,
    /** The use fails at once when the runner has already ended. */
    begin(use: UseInRunner) {
      count += 1;
      const id = count;
      if (over) use.failed(crashed(over));
      if (uses.size === 0) turns.note();
      uses.set(id, use);
      const { plan, egress } = use;
      wire.order({ kind: 'start', use: id, plan, egress, hasTokens: use.token !== undefined });
      return {
        /** Bytes that the reader has taken. */
        taken: (bytes: number) => wire.credit(id, bytes),
        cancel: (reason: unknown) => wire.order({ kind: 'cancel', use: id, reason: packError(reason) }),
      };
    },
    /** Kills it when its event loop is blocked or its memory over the limit. @param isLate this process was blocked */
    look(isLate: boolean) {
      usage = usageOf(pid);
      if (usage && usage.memoryBytes > options.memoryMb * 1024 * 1024) return kill('memory');
      if (isLate) return;
      if (turns.hasStopped(usage, uses.size === 0)) kill('loop');
    },
    /** Ends it gracefully. It must have no uses. */
    close(): void {
      decided ??= 'closed';
      pipe.end();
      setTimeout(() => child.kill('SIGKILL'), closeMs).unref();
    },
  };
}
