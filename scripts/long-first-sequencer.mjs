import { BaseSequencer } from 'vitest/node';

/** Take minutes each and would otherwise come last, small files that they are, while the other worker has nothing left. */
const long = [
  'e2e/src/crash.test.ts',
  'e2e/src/refresh-crash.test.ts',
  'e2e/src/key-rotation-crash.test.ts',
  'e2e/src/crash-on-postgres.test.ts',
  'e2e/src/credential-change-crash.test.ts',
];

const rank = ({ moduleId }) => {
  const place = long.findIndex((file) => moduleId.endsWith(file));
  return place < 0 ? long.length : place;
};

/** A clean machine has no record of how long each file takes, and Vitest then goes by their sizes. */
export class LongFirstSequencer extends BaseSequencer {
  async sort(files) {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
