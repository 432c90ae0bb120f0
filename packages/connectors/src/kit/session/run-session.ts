import type { Abilities } from '../../interface/abilities.js';
import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Context, Session } from '../../interface/session.js';
import { abortError, after, throwIfAborted } from '../deadline.js';
import { ProtocolViolation } from '../frame-guard.js';
import { graceMs, inTime, quiet } from './grace.js';
import { inSession, outsideSessions, type Scoped } from './session-scope.js';
import type { TrackedNetwork } from './tracked-network.js';
import type { Held, Work, WorkOptions } from './work.js';

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
      if (held.failure) throw held.failure;
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
    // A source with `at-source` gets its cancel at the end of the work, over connections of this session.
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
      isOver: false,
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
      hold: (release) => {
        if (held.isOver) void this.#quietly(release);
        else held.releases.push(release);
      },
      iterates: (leave) => {
        if (leave && held.isOver) void this.#quietly(leave);
        else held.leave = leave;
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
      failure: () => held.failure,
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
    inSession(this, () => held.controller.abort(held.failure));
    const leave = () => {
      const left = held.leave;
      held.leave = undefined;
      return this.#quietly(left);
    };
    const stopped = async () => {
      const isAtWork = held.pending !== undefined || held.leave !== undefined;
      if (isAtWork && this.#parts.cancel === 'at-source' && !this.#isCut)
        await this.#quietly(() => this.#session?.cancel?.());
      await Promise.all([held.pending?.settled, leave()]);
      // What the part that was pending has begun.
      await leave();
    };
    const stopping = stopped();
    if (!this.#isCut && !(await inTime(stopping))) {
      this.#cut();
      void leave();
    }
    await this.#over(held);
  }

  async #finish(held: Held): Promise<void> {
    if (held !== this.#held || held.failure) return this.#leaving;
    held.forget();
    if (!this.isBroken()) this.#state = 'leaving';
    this.#leaving = this.#over(held);
    await this.#leaving;
  }

  /** Frees what work has held; then the session is idle again, unless it has ended since. */
  async #over(held: Held): Promise<void> {
    for (let release = held.releases.pop(); release; release = held.releases.pop()) {
      const released = this.#quietly(release);
      if (!this.#isCut && !(await inTime(released))) this.#cut();
    }
    held.isOver = true;
    if (this.#held === held) this.#held = undefined;
    if (this.#state === 'leaving') this.#state = 'idle';
  }

  /** In the session's scope. Never rejects. */
  #quietly(work: (() => unknown) | undefined): Promise<void> {
    return quiet(() => inSession(this, () => work?.()));
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
    await inTime(this.#quietly(() => this.#session?.close()));
    // What says goodbye may do so; what was leaked is not waited for.
    await tracked.closing(Math.max(0, begun + graceMs - performance.now()));
    await inSession(this, () => {
      if (!this.#ended.signal.aborted) this.#ended.abort(failure);
      return tracked.destroy(graceMs);
    });
  }
}
