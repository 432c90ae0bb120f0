import type { Abilities } from '../../interface/abilities.js';
import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Context, Session } from '../../interface/session.js';
import { abortError, after, throwIfAborted } from '../deadline.js';
import { ProtocolViolation } from '../frame-guard.js';
import { inSession, outsideSessions, type Scoped } from './session-scope.js';
import type { TrackedNetwork } from './tracked-network.js';

/** Grace to stop, to free what a read holds, or to say goodbye. A source that needs longer is cut off. */
export const graceMs = 1_000;

export interface CallOptions {
  /** Ends this work; the session remains usable if its source stops in time. */
  signal: AbortSignal;
  /** A preview or a test: far lower caps apply to what the source sends. */
  isPreview?: boolean;
  /** For the whole work, including the batches of a read. */
  timeoutMs?: number;
}

export interface WorkOptions extends CallOptions {
  /**
   * The user's own statement. It may leave something behind, which the next work must not meet; and its author may see
   * what the server says about it.
   */
  query?: string | undefined;
}

/** A piece of work that occupies its session until it is finished, has failed or is left. */
export interface Work {
  readonly call: Call;
  /**
   * Runs a part of the work, one at a time. Rejects at once when the work ends before the part does; what the part
   * gives later is dropped.
   */
  step<Result>(part: (session: Session) => Result | Promise<Result>): Promise<Result>;
  /** Adds what frees something at the source, to be called once. */
  hold(release: () => unknown): void;
  /** Calls what was held last. */
  release(): Promise<void>;
  /** Begins an iteration at the source. Absent: it has ended by itself. @param leave ends it early */
  iterates(leave?: () => unknown): void;
  /** All of it is done. */
  finish(): Promise<void>;
  /** A part has failed, or its result is unusable. @returns the failure for the caller */
  fail(error: unknown): Promise<ConnectorError>;
  /** The rest is not wanted: stops the source, or cuts it off. */
  leave(): Promise<void>;
}

export interface SessionParts {
  cancel: Abilities['cancel'];
  tracked: TrackedNetwork;
  /** Aborted when the session must end at once. */
  signal: AbortSignal;
  /** @param query the statement at work, if it is the user's own */
  translate(error: unknown, query: string | undefined): ConnectorError;
  onStray(error: unknown): void;
}

/** `leaving`: the work is over for its caller, but its source may still be stopping. */
type State = 'opening' | 'idle' | 'busy' | 'leaving' | 'broken' | 'closed';

interface Held {
  readonly controller: AbortController;
  readonly query: string | undefined;
  /** Why it ended before it was done. */
  failure?: ConnectorError;
  /** The part at which the source works. */
  pending?: { settled: Promise<void>; reject(failure: ConnectorError): void } | undefined;
  /** Ends an iteration that the source has not ended. */
  leave?: (() => unknown) | undefined;
  readonly releases: (() => unknown)[];
  forget(): void;
}

/** Ending never fails: what is then still open is destroyed. */
const quiet = async (work: () => unknown): Promise<void> => {
  try {
    await work();
  } catch {}
};

/** Whether all of it settles within the grace. */
const inTime = (work: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = after(graceMs, () => resolve(false));
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settle, settle);
  });

/** Whether the failure, or one of its causes, says that the connection cannot be used any more. */
function isViolation(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (current instanceof ProtocolViolation) return true;
    current = current.cause;
  }
  return false;
}

/** Runs a connector's session: one piece of work at a time, each of which can be ended from outside. */
export class SessionRunner implements Scoped {
  readonly #parts: SessionParts;
  readonly #ended = new AbortController();
  #state: State = 'opening';
  #session: Session | undefined;
  #held: Held | undefined;
  #leaving: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #isCut = false;
  #needsReset = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    parts.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Opens the session. Leaves nothing open when it fails. */
  async open(connect: (context: Pick<Context, 'signal'>) => Promise<Session>): Promise<void> {
    const { signal } = this.#parts;
    throwIfAborted(signal);
    const held = this.#claim({ signal }, 'opening');
    try {
      this.#session = await this.#step(held, async () => {
        const session = await connect({ signal: this.#ended.signal });
        if (held.failure) await session.close();
        return session;
      });
      await this.#finish(held);
    } catch (error) {
      const failure = held.failure ?? this.#parts.translate(error, undefined);
      held.failure = failure;
      held.forget();
      this.#cut();
      await this.#end(failure);
      throw failure;
    }
  }

  /** @throws ConnectorError `unsupported` when the session is busy, `unreachable` when it has ended */
  async begin(options: WorkOptions): Promise<Work> {
    while (this.#state === 'leaving') await this.#leaving;
    throwIfAborted(this.#parts.signal);
    throwIfAborted(options.signal);
    if (this.#state === 'busy') throw new ConnectorError('unsupported', 'The session is busy.');
    if (this.#state !== 'idle') throw new ConnectorError('unreachable', 'The session is closed.');
    const work = this.#workOf(this.#claim(options, 'busy'), options);
    if (this.#needsReset) {
      try {
        await work.step((session) => session.reset?.(work.call));
        this.#needsReset = false;
      } catch (error) {
        throw await work.fail(error);
      }
    }
    if (options.query !== undefined) this.#needsReset = true;
    return work;
  }

  /** One call, from begin to end. */
  async verb<Result>(
    options: WorkOptions,
    part: (session: Session, call: Call) => Promise<Result>,
  ): Promise<Result> {
    const work = await this.begin(options);
    try {
      const result = await work.step((session) => part(session, work.call));
      await work.finish();
      return result;
    } catch (error) {
      throw await work.fail(error);
    }
  }

  stray(error: unknown): void {
    outsideSessions(() => this.#parts.onStray(error));
    const failure = new ConnectorError('crashed', 'The driver failed; its session was ended.');
    this.#cut();
    if (this.#held) void this.#interrupt(this.#held, failure);
  }

  /** Idempotent. Leaves no connection and no timer. */
  close(): Promise<void> {
    return this.#end(new ConnectorError('cancelled', 'The session was closed.'));
  }

  isBroken(): boolean {
    return this.#state === 'broken' || this.#state === 'closed';
  }

  readonly #onAbort = () => {
    const { signal, cancel } = this.#parts;
    inSession(this, () => this.#ended.abort(signal.reason));
    // A source that must be told to stop is told by the work's end, over connections of this session.
    if (cancel === 'disconnect' || this.#state === 'opening') this.#cut();
    void this.#end(abortError(signal));
  };

  #claim(options: WorkOptions, state: 'opening' | 'busy'): Held {
    const controller = new AbortController();
    const onAbort = () => this.#interrupt(held, abortError(options.signal));
    const late = () =>
      new ConnectorError('timeout', 'The source did not answer in time.', { retryable: true });
    const { timeoutMs } = options;
    const timer = timeoutMs === undefined ? undefined : after(timeoutMs, () => this.#interrupt(held, late()));
    const held: Held = {
      controller,
      query: options.query,
      releases: [],
      forget() {
        clearTimeout(timer);
        options.signal.removeEventListener('abort', onAbort);
      },
    };
    options.signal.addEventListener('abort', onAbort, { once: true });
    this.#state = state;
    this.#held = held;
    return held;
  }

  #workOf(held: Held, options: WorkOptions): Work {
    const session = this.#session as Session;
    return {
      call: { signal: held.controller.signal, isPreview: options.isPreview ?? false },
      step: (part) => this.#step(held, () => part(session)),
      hold: (release) => void held.releases.push(release),
      release: () => this.#release(held),
      iterates: (leave) => {
        held.leave = leave;
      },
      finish: () => this.#finish(held),
      fail: async (error) => {
        if (held.failure) return held.failure;
        const failure = this.#parts.translate(error, held.query);
        if (isViolation(error)) this.#cut();
        if (held.leave || this.#isCut) void this.#interrupt(held, failure);
        else await this.#finish(held);
        return failure;
      },
      leave: () => this.#interrupt(held, new ConnectorError('cancelled', 'The work was cancelled.')),
    };
  }

  #step<Result>(held: Held, part: () => Result | Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (held.failure) return reject(held.failure);
      const running = inSession(this, async () => part());
      const over = () => {
        held.pending = undefined;
      };
      const settled = running.then(
        (result) => {
          over();
          resolve(result);
        },
        (error: unknown) => {
          over();
          reject(error);
        },
      );
      held.pending = { settled, reject };
    });
  }

  /** Ends work before it is done: for its caller at once, at its source as soon as that has stopped. */
  #interrupt(held: Held, failure: ConnectorError): Promise<void> {
    if (held !== this.#held || held.failure) return this.#leaving;
    held.failure = failure;
    held.pending?.reject(failure);
    held.forget();
    if (this.#state === 'busy') this.#state = 'leaving';
    this.#leaving = this.#stop(held);
    return this.#leaving;
  }

  async #stop(held: Held): Promise<void> {
    const { pending, leave } = held;
    inSession(this, () => held.controller.abort(held.failure));
    const left = () => quiet(() => inSession(this, () => leave?.()));
    const stopped = async () => {
      if (this.#parts.cancel === 'at-source' && (pending || leave) && !this.#isCut)
        await quiet(() => inSession(this, () => this.#session?.cancel?.()));
      await Promise.all([pending?.settled, left()]);
    };
    const stopping = stopped();
    if (!this.#isCut && !(await inTime(stopping))) this.#cut();
    await this.#over(held);
  }

  async #finish(held: Held): Promise<void> {
    if (held !== this.#held || held.failure) return this.#leaving;
    held.forget();
    if (!this.isBroken()) this.#state = 'leaving';
    this.#leaving = this.#over(held);
    await this.#leaving;
  }

  /** Frees what work has held; then the session is idle again, unless it has ended meanwhile. */
  async #over(held: Held): Promise<void> {
    while (held.releases.length > 0) await this.#release(held);
    if (this.#held === held) this.#held = undefined;
    if (this.#state === 'leaving') this.#state = 'idle';
  }

  async #release(held: Held): Promise<void> {
    const release = held.releases.pop();
    const released = quiet(() => inSession(this, () => release?.()));
    if (!this.#isCut && !(await inTime(released))) this.#cut();
  }

  /** Destroys the session's connections; what waits for them fails. */
  #cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    if (this.#state !== 'closed') this.#state = 'broken';
    inSession(this, () => {
      if (!this.#ended.signal.aborted)
        this.#ended.abort(new ConnectorError('cancelled', 'The session was ended.'));
      void this.#parts.tracked.destroy(graceMs);
    });
  }

  #end(failure: ConnectorError): Promise<void> {
    this.#ending ??= this.#shut(failure);
    return this.#ending;
  }

  async #shut(failure: ConnectorError): Promise<void> {
    const { signal, tracked } = this.#parts;
    signal.removeEventListener('abort', this.#onAbort);
    if (this.#held) void this.#interrupt(this.#held, failure);
    this.#state = 'closed';
    await this.#leaving;
    const begun = performance.now();
    await inTime(quiet(() => inSession(this, () => this.#session?.close())));
    // What says goodbye may do so; what was leaked is not waited for.
    await tracked.closing(Math.max(0, begun + graceMs - performance.now()));
    await inSession(this, () => tracked.destroy(graceMs));
  }
}
