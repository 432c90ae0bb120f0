import { afterAll, beforeAll, describe, it } from 'vitest';
import { type OutageStand, outageKinds, outageOf, startOutageStand } from './outage-stand.js';

// One outage of each kind; twenty of each, of 1 to 60 s, are the long tier's: `long`.

/** Milliseconds; more than a lease has. */
const lasts = 7_000;

describe('LI17: outages of the store while grants are renewed', () => {
  let stand: OutageStand;
  beforeAll(async () => {
    stand = await startOutageStand();
  });
  afterAll(() => stand.close());

  it.each(outageKinds)('LI17: no grant is lost and each is renewed once: %s', (kind) =>
    stand.endure(outageOf(kind, outageKinds.indexOf(kind), lasts)),
  );
});
