import type { Limits } from '../config/config.js';
import { type Breaker, createBreaker } from './breaker.js';
import { busy } from './refusals.js';
import { createSlots, type Shortage, type Slots } from './slots.js';

/** A destination, as one tenant uses it. */
export interface Source {
  slots: Slots;
  breaker: Breaker;
  /** Until when the source asked users to wait, by user id. */
  waits: Map<string, number>;
}

/** Above this number of sources, those without state are dropped. */
const keptMax = 1_000;

export interface ConcurrencyOptions {
  limits: Pick<Limits, 'usesPerSource' | 'usesPerTenant' | 'waitSeconds' | 'pauseAfter' | 'pauseSeconds'>;
  /** Concurrent uses in this process; asked each time, because the limit of open files can change. */
  usesMax: () => number;
  /** How many may wait for one limit. */
  waitingMax: () => number;
  /** Monotonic, in milliseconds. */
  now(): number;
  /** A use was refused for lack of room. */
  onFull(shortage: Shortage): void;
}

/** Concurrency limits of sources, of tenants and of this process, created on first use. */
export function createConcurrencyLimits(options: ConcurrencyOptions) {
  const { limits, usesMax, waitingMax, now, onFull } = options;
  const slotsFor = (max: number | (() => number), what: string) =>
    createSlots({
      max: typeof max === 'number' ? () => max : max,
      waitingMax,
      waitMs: limits.waitSeconds * 1000,
      full(shortage) {
        onFull(shortage);
        return busy(what, shortage);
      },
    });
  const ofProcess = slotsFor(usesMax, 'this server');
  const tenants = new Map<string, Slots>();
  const sources = new Map<string, Source>();

  const isForgettable = ({ slots, breaker, waits }: Source) => {
    for (const [userId, until] of waits) if (until <= now()) waits.delete(userId);
    return slots.isIdle() && waits.size === 0 && (breaker.isFresh() || breaker.waitMs(false) === 0);
  };
  const tidy = () => {
    if (sources.size > keptMax)
      for (const [key, source] of sources) if (isForgettable(source)) sources.delete(key);
    if (tenants.size > keptMax) for (const [key, slots] of tenants) if (slots.isIdle()) tenants.delete(key);
  };
  const sourceOf = ({ tenantId, destination }: { tenantId: string; destination: string }): Source => {
    const key = `${tenantId}\n${destination}`;
    const found = sources.get(key);
    if (found) return found;
    tidy();
    const source = {
      slots: slotsFor(limits.usesPerSource, 'this source'),
      breaker: createBreaker({
        missesMax: limits.pauseAfter,
        pauseMs: limits.pauseSeconds * 1000,
        now,
      }),
      waits: new Map<string, number>(),
    };
    sources.set(key, source);
    return source;
  };
  const tenantOf = (tenantId: string): Slots => {
    const found = tenants.get(tenantId);
    if (found) return found;
    const slots = slotsFor(limits.usesPerTenant, 'your tenant');
    tenants.set(tenantId, slots);
    return slots;
  };

  return {
    sourceOf,
    tenantOf,
    ofProcess,
    all: () => [ofProcess, ...tenants.values(), ...[...sources.values()].map(({ slots }) => slots)],
    /** Sources whose breaker is open. */
    paused: () => [...sources.values()].filter(({ breaker }) => breaker.isPaused()).length,
  };
}
