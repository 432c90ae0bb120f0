import { describe, expect, it } from 'vitest';
import { createSlots } from './slots.js';

const full = () => new Error('full');
const stays = new AbortController().signal;

describe('a budget of slots', () => {
  it('lets in as many as it has, then as many wait as may, then refuses', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 3, waitMs: 60_000, full });
    await Promise.all([slots.take(stays), slots.take(stays)]);
    const waiting = [slots.take(stays), slots.take(stays), slots.take(stays)];
    await expect(slots.take(stays)).rejects.toThrow('full');
    for (const one of waiting) {
      slots.giveBack();
      await one;
    }
    slots.giveBack();
    slots.giveBack();
    expect(slots.isIdle()).toBe(true);
  });

  it('admits in the order of arrival', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 3, waitMs: 60_000, full });
    await Promise.all([slots.take(stays), slots.take(stays)]);
    const admitted: number[] = [];
    const waiting = [1, 2].map((number) => slots.take(stays).then(() => admitted.push(number)));
    for (const one of waiting) {
      slots.giveBack();
      await one;
    }
    expect(admitted).toEqual([1, 2]);
  });

  it('refuses who has waited too long, and forgets who has left', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 3, waitMs: 20, full });
    await Promise.all([slots.take(stays), slots.take(stays)]);
    const leaving = new AbortController();
    const left = expect(slots.take(leaving.signal)).rejects.toMatchObject({ kind: 'cancelled' });
    const late = expect(slots.take(stays)).rejects.toThrow('full');
    leaving.abort();
    await Promise.all([left, late]);
    slots.giveBack();
    slots.giveBack();
    expect(slots.isIdle()).toBe(true);
  });

  it('sends all who wait away at once', async () => {
    const slots = createSlots({ max: () => 2, waitingMax: () => 3, waitMs: 60_000, full });
    await Promise.all([slots.take(stays), slots.take(stays)]);
    const waiting = [1, 2].map(() => expect(slots.take(stays)).rejects.toThrow('paused'));
    slots.refuseWaiting(new Error('paused'));
    await Promise.all(waiting);
  });
});
