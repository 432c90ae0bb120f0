import { ConnectorError } from '../interface/errors.js';

/** Why a signal was aborted, as shown to callers: `timeout` if a deadline passed, else `cancelled`. */
export function abortError(signal: AbortSignal): ConnectorError {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectorError) return reason;
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? new ConnectorError('timeout', 'The source did not answer in time.', { retryable: true, cause: reason })
    : new ConnectorError('cancelled', 'The work was cancelled.', { cause: reason });
}

/** @throws ConnectorError `cancelled` or `timeout` when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

const timerMsMost = 2 ** 31 - 1;

/**
 * The only timer for configured times. Node's timers hold at most 24.8 days and treat longer times as one millisecond,
 * so they are capped.
 */
export function after(ms: number, act: () => void): NodeJS.Timeout {
  return setTimeout(act, Math.min(ms, timerMsMost));
}

/** Resolves after so long. @param unref lets the process exit before */
export function sleep(ms: number, { unref = false } = {}): Promise<void> {
  return new Promise((resolve) => {
    const timer = after(ms, resolve);
    if (unref) timer.unref();
  });
}

/**
 * Aborts with a `TimeoutError` after the given time. `AbortSignal.timeout` must not be used with `AbortSignal.any`: in
 * Node 20 the garbage collector may take it, and the timeout never fires (https://github.com/nodejs/node/issues/57736).
 */
export function timeLimit(timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const expire = () => controller.abort(new DOMException('The timeout expired.', 'TimeoutError'));
  after(timeoutMs, expire).unref();
  return controller.signal;
}

/** Resolves when `work` settles or `timeoutMs` have passed, whichever comes first; leaves no timer. */
export function settledWithin(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = after(timeoutMs, resolve);
    const finish = () => resolve(clearTimeout(timer));
    work.then(finish, finish);
  });
}
