import type { Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { lengthOf } from '@mooring/connectors/kit/batch';
import { describe, expect, it } from 'vitest';
import { column, sourceOf, syntheticSource } from './__fixtures__/synthetic-source.js';
import { applyCaps, type CappedRows, type StreamCaps, sourceLimit } from './caps.js';

const columns = [column('a', 'integer')];
const none: StreamCaps = { rowsMax: 0, bytesMax: 0, secondsMax: 0, idleSeconds: 0 };
const batch = (from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, index) => [from + index]);
const threeBatches = () => sourceOf(columns, batch(0, 10), batch(10, 10), batch(20, 10));
const endless = () => syntheticSource(columns, (index) => batch(index * 10, 10));

/** Stands for an encoder: takes everything and counts it. */
async function drain(capped: CappedRows): Promise<number[]> {
  const values: number[] = [];
  for await (const one of capped.batches) {
    if ('rows' in one) values.push(...one.rows.map(([value]) => value as number));
    capped.meter.wrote(lengthOf(one), 0);
  }
  return values;
}

describe('row cap', () => {
  it.each([1, 9, 10, 11, 29])('D14: cuts at %i of 30 rows and says so', async (rowsMax) => {
    const source = threeBatches();
    const capped = applyCaps(source.stream, { ...none, rowsMax }, new AbortController());
    expect(await drain(capped)).toEqual(Array.from({ length: rowsMax }, (_, index) => index));
    expect(capped.outcome()).toEqual({ state: 'truncated', cap: 'rows', rows: rowsMax, bytes: 0 });
    expect(source.isReleased()).toBe(true);
  });

  it.each([0, 30, 31])('does not truncate when all 30 rows fit: %i', async (rowsMax) => {
    const capped = applyCaps(threeBatches().stream, { ...none, rowsMax }, new AbortController());
    expect(await drain(capped)).toHaveLength(30);
    expect(capped.outcome()).toMatchObject({ state: 'complete', rows: 30 });
  });

  it.each([
    [5, 0],
    [10, 10],
    [10, 20],
    [30, 30],
  ])('does not truncate at the limit of the caller: limit %i, cap %i', async (limit, rowsMax) => {
    const source = threeBatches();
    const capped = applyCaps(source.stream, { ...none, limit, rowsMax }, new AbortController());
    expect(await drain(capped)).toHaveLength(limit);
    expect(capped.outcome()).toMatchObject({ state: 'complete', rows: limit });
    expect(source.isReleased()).toBe(true);
  });

  it('stops an endless source without asking for more than one batch too many', async () => {
    const source = endless();
    const stop = new AbortController();
    await drain(applyCaps(source.stream, { ...none, rowsMax: 100 }, stop));
    expect(source.pulled()).toBe(11);
    expect(stop.signal.aborted).toBe(false);
  });

  it('lets the source stop one row behind the cap', () => {
    expect(sourceLimit({ rowsMax: 0 })).toBeUndefined();
    expect(sourceLimit({ rowsMax: 0, limit: 7 })).toBe(7);
    expect(sourceLimit({ rowsMax: 10 })).toBe(11);
    expect(sourceLimit({ rowsMax: 10, limit: 10 })).toBe(10);
    expect(sourceLimit({ rowsMax: 10, limit: 50 })).toBe(11);
  });
});

describe('time cap', () => {
  it('D14: cuts an endless source', async () => {
    const source = endless();
    const capped = applyCaps(source.stream, { ...none, secondsMax: 0.05 }, new AbortController());
    const values = await drain(capped);
    expect(capped.outcome()).toMatchObject({ state: 'truncated', cap: 'time', rows: values.length });
    expect(source.isReleased()).toBe(true);
  });

  it('cuts a source that is silent when the time is over, and aborts its work', async () => {
    const stop = new AbortController();
    const source = syntheticSource(columns, (index) => (index === 0 ? batch(0, 3) : 'silence'), stop.signal);
    const capped = applyCaps(source.stream, { ...none, secondsMax: 0.05, idleSeconds: 30 }, stop);
    expect(await drain(capped)).toEqual([0, 1, 2]);
    expect(capped.outcome()).toMatchObject({ state: 'truncated', cap: 'time', rows: 3 });
    expect(stop.signal.aborted).toBe(true);
    await source.released;
  });

  it('does not affect a quick source', async () => {
    const capped = applyCaps(threeBatches().stream, { ...none, secondsMax: 3600 }, new AbortController());
    await drain(capped);
    expect(capped.outcome().state).toBe('complete');
  });
});

describe('idle cap', () => {
  it('fails when the source goes silent, and aborts its work', async () => {
    const stop = new AbortController();
    const source = syntheticSource(columns, (index) => (index === 0 ? batch(0, 3) : 'silence'), stop.signal);
    const capped = applyCaps(source.stream, { ...none, idleSeconds: 0.05 }, stop);
    const error = await drain(capped).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({ kind: 'timeout' });
    expect(stop.signal.aborted).toBe(true);
    await source.released;
  });

  it('R23: does not count the time the consumer takes', async () => {
    const capped = applyCaps(threeBatches().stream, { ...none, idleSeconds: 0.02 }, new AbortController());
    for await (const one of capped.batches) {
      const until = performance.now() + 40;
      while (performance.now() < until) await new Promise(setImmediate);
      capped.meter.wrote(lengthOf(one), 0);
    }
    expect(capped.outcome()).toMatchObject({ state: 'complete', rows: 30 });
  });
});

describe('the end of a read', () => {
  it('D25: leaves the source when the consumer leaves', async () => {
    const source = endless();
    const stop = new AbortController();
    for await (const _rows of applyCaps(source.stream, none, stop).batches) break;
    expect(source.isReleased()).toBe(true);
    expect(stop.signal.aborted).toBe(false);
  });

  it('D25: is the reason of the abort, at once, while the source is silent', async () => {
    const stop = new AbortController();
    const source = syntheticSource(columns, () => 'silence', stop.signal);
    const reading = drain(applyCaps(source.stream, none, stop));
    const reason = new ConnectorError('permission_denied', 'Your access was revoked.');
    stop.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await source.released;
  });

  it('comes within two seconds although the source does not give way', async () => {
    const stop = new AbortController();
    const batches = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: { rows: batch(0, 10) } }),
        return: () => new Promise<never>(() => undefined),
      }),
    };
    const started = performance.now();
    const capped = applyCaps({ columns, batches }, { ...none, rowsMax: 5 }, stop);
    expect(await drain(capped)).toHaveLength(5);
    expect(performance.now() - started).toBeLessThan(3000);
    expect(stop.signal.aborted).toBe(true);
  });

  it("is the source's own failure, untouched", async () => {
    const failure = new ConnectorError('rate_limited', 'Slow down.');
    const capped = applyCaps(sourceOf(columns, batch(0, 1), failure).stream, none, new AbortController());
    await expect(drain(capped)).rejects.toBe(failure);
  });
});
