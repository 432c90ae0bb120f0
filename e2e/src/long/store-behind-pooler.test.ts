import { afterAll, beforeAll, describe, it } from 'vitest';
import { type OutageKind, type OutageStand, outageOf, startOutageStand } from '../outage-stand.js';

// Between three nodes and their database stands a PgBouncer in transaction mode, which keeps answering and holding
// connections while the database behind it is away.

const outages: [kind: OutageKind, seconds: number][] = [
  ['silent', 2],
  ['silent', 7],
  ['silent', 45],
  ['killed', 7],
  ['killed', 45],
  ['one node cut off', 7],
  ['one node paused', 7],
];

describe('LI17, NO7: outages of the store behind a pooler while grants are renewed on three nodes', () => {
  let stand: OutageStand;
  beforeAll(async () => {
    stand = await startOutageStand({ withPooler: true });
  });
  afterAll(() => stand.close());

  it.each([...outages.entries()].map(([number, [kind, seconds]]) => ({ number, kind, seconds })))(
    'LI17: no grant is lost and each is renewed once: $kind for $seconds s',
    ({ number, kind, seconds }) => stand.endure(outageOf(kind, number, seconds * 1_000)),
  );
});
