import { type BlackableRelay, startBlackableRelay } from '@mooring/lab/blackable-relay';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  codeOf,
  healthy,
  type IsolationStand,
  limits,
  preview,
  startIsolationStand,
} from './isolation-stand.js';

describe('a source that cannot be reached', () => {
  let stand: IsolationStand;
  let relay: BlackableRelay;
  let a: string;
  let b: string;

  beforeAll(async () => {
    stand = await startIsolationStand({ limits });
    relay = await startBlackableRelay(stand.lab);
    a = await stand.connect(stand.first, 'a', relay.port);
    b = await stand.connect(stand.first, 'b', stand.lab.port);
  });
  afterAll(async () => {
    await stand.close();
    await relay.close();
  });

  const whenBack = () =>
    expect
      .poll(async () => codeOf(await preview(stand.first, a)), { timeout: 30_000, interval: 100 })
      .toBe('200');

  const pauseA = async () => {
    relay.isBlack = true;
    const misses = await Promise.all(
      Array.from({ length: limits.pauseAfter }, () => preview(stand.first, a)),
    );
    expect(misses.map(codeOf)).toEqual(misses.map(() => 'SOURCE-TIMEOUT'));
  };

  it('R16: gets no uses after five misses, is tried by one at a time, and recovers by itself', async () => {
    relay.isBlack = false;
    await whenBack();
    await pauseA();
    const count = relay.count();
    const refused = await preview(stand.first, a);
    expect(refused.status).toBe(503);
    expect(codeOf(refused)).toBe('SOURCE-PAUSED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(relay.count()).toBe(count);

    await expect.poll(relay.openCount).toBe(0);
    relay.takePeak();
    const insist = async () => {
      await expect
        .poll(async () => codeOf(await preview(stand.first, a)), { timeout: 30_000, interval: full(50, 100) })
        .toBe('SOURCE-TIMEOUT');
    };
    // The first probe fails, and of all these callers it is one.
    await Promise.any(Array.from({ length: full(20, 8) }, insist));
    expect(relay.takePeak()).toBe(1);

    relay.isBlack = false;
    await whenBack();
  });

  it('R16: says nothing of one tenant to another, nor of one destination to another', async () => {
    const elsewhere = await stand.connect(stand.other, 'the same place', relay.port);
    await whenBack();
    await pauseA();
    relay.isBlack = false;
    await healthy(stand.other, elsewhere)();
    await healthy(stand.first, b)();
    expect(codeOf(await preview(stand.first, a))).toBe('SOURCE-PAUSED');
  });

  it('R16: is tried at once by a test, which ends the pause for all users', async () => {
    relay.isBlack = false;
    await whenBack();
    await pauseA();
    relay.isBlack = false;
    expect(codeOf(await preview(stand.first, a))).toBe('SOURCE-PAUSED');
    expect((await stand.first.post(`${a}/actions/test`)).body.ok).toBe(true);
    await healthy(stand.first, a)();
  });

  it('R16: is not what a refused login makes of a source', async () => {
    const wrong = await stand.connect(stand.first, 'wrong', stand.lab.port, { password: 'not the password' });
    for (let number = 0; number < 2 * limits.pauseAfter; number += 1) {
      expect(codeOf(await preview(stand.first, wrong))).toBe('SOURCE-SIGN-IN-FAILED');
    }
    await healthy(stand.first, b)();
  });
});
