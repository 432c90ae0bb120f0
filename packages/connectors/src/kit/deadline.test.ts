import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../interface/errors.js';
import { abortError, settledWithin, throwIfAborted, timeLimit } from './deadline.js';

describe('an aborted signal', () => {
  it('distinguishes a passed deadline, a caller who left, and our own reason', () => {
    const deadline = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    expect(abortError(deadline).kind).toBe('timeout');
    expect(abortError(AbortSignal.abort()).kind).toBe('cancelled');
    const reason = new ConnectorError('permission_denied', 'The use was revoked.');
    expect(abortError(AbortSignal.abort(reason))).toBe(reason);
    expect(() => throwIfAborted(AbortSignal.abort())).toThrowError(ConnectorError);
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  });

  it('waiting ends with the work, with its failure, or with the time', async () => {
    await settledWithin(Promise.resolve(), 60_000);
    await settledWithin(Promise.reject(new Error('no')), 60_000);
    await settledWithin(new Promise(() => undefined), 1);
  });

  it('comes at its time limit beside other signals, also when memory was cleaned up before', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const both = AbortSignal.any([new AbortController().signal, timeLimit(60)]);
    const aborted = new Promise((resolve) => both.addEventListener('abort', resolve, { once: true }));
    // Only unreachable objects are collected, so the signal must have been made before.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    await aborted;
    expect(abortError(both).kind).toBe('timeout');
  });
});
