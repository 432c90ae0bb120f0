import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OutageKind, type OutageStand, outageOf, startOutageStand } from '../outage-stand.js';

const outages = 20;
/** Concurrent stands: an outage is mostly waiting. */
const standCount = 2;

/** From one second to a minute, each length once. */
const lengthOf = (number: number): number => 1_000 + Math.round((59_000 * ((number * 7) % outages)) / 19);

/** Twenty outages of a kind; for a file of the long tier of its own, so that no shard takes ten minutes. */
export function describeTwentyOutages(kind: OutageKind): void {
  describe(`LI17: twenty outages of the store, ${kind}, of 1 to 60 s while grants are renewed`, () => {
    const stands: OutageStand[] = [];
    beforeAll(async () => {
      stands.push(...(await Promise.all(Array.from({ length: standCount }, () => startOutageStand()))));
    });
    afterAll(async () => {
      await Promise.all(stands.map((stand) => stand.close()));
    });

    it('LI17: no grant is lost and each is renewed once', async () => {
      let endured = 0;
      // Wait for all of them, so that none is closed while it runs.
      const ends = await Promise.allSettled(
        stands.map(async (stand, index) => {
          for (let number = index; number < outages; number += standCount) {
            await stand.endure(outageOf(kind, number, lengthOf(number)));
            endured += 1;
          }
        }),
      );
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      expect(endured).toBe(outages);
    }, 1_800_000);
  });
}
