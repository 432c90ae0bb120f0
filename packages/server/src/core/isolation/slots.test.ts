import { describe, expect, it } from 'vitest';
import { createSlots, type Shortage } from './slots.js';

const full = (shortage: Shortage) => new Error(`full ${shortage}`);
const stays = new AbortController().signal;

describe('a concurrency limit', () => {
  it('admits up to its limit, lets as many wait as may, then refuses', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 3, waitMs: 60_000, full });
    await Promise.all([slots.take('a', stays), slots.take('b', stays)]);
    const waiting = ['a', 'b', 'c'].map((userId) => slots.take(userId, stays));
    await expect(slots.take('d', stays)).rejects.toThrow('full budget');
    for (const userId of ['a', 'b', 'a']) slots.giveBack(userId);
    await Promise.all(waiting);
    for (const userId of ['b', 'c']) slots.giveBack(userId);
    expect(slots.isIdle()).toBe(true);
  });

  it('admits one user in the order of arrival', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 4, waitMs: 60_000, full });
    await slots.take('a', stays);
    const admitted: number[] = [];
    const waiting = [1, 2].map((number) => slots.take('a', stays).then(() => admitted.push(number)));
    for (const one of waiting) {
      slots.giveBack('a');
      await one;
    }
    expect(admitted).toEqual([1, 2]);
  });

  it('refuses a waiter after its timeout, and forgets one that has left', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 8, waitMs: 20, full });
    await Promise.all([slots.take('a', stays), slots.take('b', stays)]);
    const leaving = new AbortController();
    const left = expect(slots.take('c', leaving.signal)).rejects.toMatchObject({ kind: 'cancelled' });
    const late = expect(slots.take('c', stays)).rejects.toThrow('full budget');
    const greedy = expect(slots.take('a', stays)).rejects.toThrow('full share');
    leaving.abort();
    await Promise.all([left, late, greedy]);
    slots.giveBack('a');
    slots.giveBack('b');
    expect(slots.isIdle()).toBe(true);
  });

  it('refuses all waiters at once', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 8, waitMs: 60_000, full });
    await Promise.all([slots.take('a', stays), slots.take('b', stays)]);
    const waiting = ['a', 'a', 'c'].map((userId) =>
      expect(slots.take(userId, stays)).rejects.toThrow('paused'),
    );
    slots.refuseWaiting(new Error('paused'));
    await Promise.all(waiting);
  });

  it('TR6: one user has at most half of the slots and half of the queue', async () => {
    const slots = createSlots({ max: () => 4, waitingMax: () => 4, waitMs: 60_000, full });
    const first = [1, 2, 3, 4].map(() => slots.take('greedy', stays));
    await Promise.all(first.slice(0, 2));
    await expect(slots.take('greedy', stays)).rejects.toThrow('full share');
    expect(slots.counts()).toEqual({ taken: 2, waiting: 2, takenByOne: 2, waitingOfOne: 2 });
    // The other half is available to other users immediately.
    await Promise.all([slots.take('b', stays), slots.take('c', stays)]);
  });

  it('TR6: the user with the fewest slots is next, whatever the order of arrival', async () => {
    const slots = createSlots({ max: () => 4, waitingMax: () => 100, waitMs: 60_000, full });
    await Promise.all([1, 2].map(() => slots.take('greedy', stays)));
    await Promise.all(['b', 'c'].map((userId) => slots.take(userId, stays)));
    const admitted: string[] = [];
    const wait = (userId: string) => void slots.take(userId, stays).then(() => admitted.push(userId));
    for (let number = 0; number < 40; number += 1) wait('greedy');
    for (const userId of ['d', 'e', 'd', 'e']) wait(userId);
    for (const userId of ['b', 'c', 'greedy', 'greedy']) slots.giveBack(userId);
    await expect.poll(() => admitted.length).toBe(4);
    expect(admitted.toSorted()).toEqual(['d', 'd', 'e', 'greedy']);
  });
});
