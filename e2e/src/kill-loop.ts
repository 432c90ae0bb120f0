import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { expect } from 'vitest';
import { gateIsShut, mixedWrites } from './mixed-writes.js';
import { type MooringOptions, startMooring } from './mooring-process.js';

// Kills the service repeatedly under mixed writes, and checks the ledger after each restart.

const restartWithinMs = 5000;
/** Interleaved starts without anything to recover: the baseline of the start time. */
const emptyStartsWanted = full(10, 2);

/** Statements that return rows only for half-made records; the same on both stores. */
export const halfMade = {
  'embedded connections without a credential': `SELECT c.id FROM connection c LEFT JOIN credential k
    ON k.connection_id = c.id WHERE c.separated = 0 AND k.id IS NULL`,
  'separated connections without the link they were made with': `SELECT c.id FROM connection c LEFT JOIN
    credential_link l ON l.connection_id = c.id WHERE c.separated = 1 AND l.credential_id IS NULL`,
  'credentials without a secret': `SELECT k.id FROM credential k LEFT JOIN secret s
    ON s.record_id = k.id AND s.record_kind = 'credential' WHERE s.record_id IS NULL`,
  'credentials without a destination': `SELECT k.id FROM credential k LEFT JOIN credential_destination d
    ON d.credential_id = k.id WHERE d.credential_id IS NULL`,
  'secrets of nothing': `SELECT s.record_id FROM secret s LEFT JOIN credential k ON k.id = s.record_id
    WHERE s.record_kind = 'credential' AND k.id IS NULL`,
};

/**
 * @param options how it is started each time, on the same store
 * @param inspect inspects the store after each kill, before the service can clean up
 */
export async function killUnderMixedWrites(
  rounds: number,
  options: MooringOptions,
  inspect: () => Promise<void> | void,
): Promise<void> {
  const configuration = gateIsShut;
  const writes = mixedWrites();
  let inTheAir = 0;
  const restarts: number[] = [];
  const emptyStarts: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    if (round % Math.ceil(rounds / emptyStartsWanted) === 0) {
      const begunAt = performance.now();
      const empty = await startMooring({ configuration });
      emptyStarts.push(performance.now() - begunAt);
      await empty.stop();
    }
    const startedAt = performance.now();
    const mooring = await startMooring({ ...options, configuration });
    restarts.push(performance.now() - startedAt);
    inTheAir += await writes.verify(apiClient(mooring.url, mooring.adminKey));
    await writes.writeUntil(mooring, mooring.kill);
    await mooring.stop();
    await inspect();
  }
  const last = await startMooring({ ...options, configuration });
  inTheAir += await writes.verify(apiClient(last.url, last.adminKey));
  expect(await last.stop()).toBe(0);
  // The run is conclusive only if much was written and deleted, and kills hit requests in flight.
  expect(writes.count('created')).toBeGreaterThan(rounds);
  expect(writes.count('deleted')).toBeGreaterThan(rounds);
  expect(inTheAir).toBeGreaterThan(rounds);
  // The median, and on a busy machine a multiple of a start without recovery.
  const middle = (times: number[]) => times.toSorted((one, other) => one - other)[times.length >> 1] ?? 0;
  expect(middle(restarts), 'ms to restart').toBeLessThan(Math.max(restartWithinMs, 3 * middle(emptyStarts)));
}
