import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type OutageStand, outageKinds, outageOf, startOutageStand } from './outage-stand.js';

// One outage of a kind: in the quick tier of two kinds, as the others differ from them only in what fails. Twenty of each, of
// 1 to 60 s, are the long tier's: `long`.

/** Milliseconds; more than a lease has. */
const lasts = 7_000;
const kinds = outageKinds.filter(
  (kind) => full(1, 0) === 1 || kind === 'killed' || kind === 'one node cut off',
);

describe('LI17: outages of the store while grants are renewed', () => {
  let stand: OutageStand;
  beforeAll(async () => {
    stand = await startOutageStand();
  });
  afterAll(() => stand.close());

  it.each(kinds)('LI17: no grant is lost and each is renewed once: %s', (kind) =>
    stand.endure(outageOf(kind, outageKinds.indexOf(kind), lasts)),
  );
});
