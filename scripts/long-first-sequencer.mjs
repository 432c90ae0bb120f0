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

/**
 * A clean machine has no record of how long each file takes, and Vitest then goes by their sizes. Files of one project
 * come one after the other, as a worker keeps its modules only while the next file is of the same project.
 */
export class LongFirstSequencer extends BaseSequencer {
  async sort(files) {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project.name))].toSorted(
      (a, b) => Number(b === 'processes') - Number(a === 'processes'),
    );
    const place = ({ project }) => projects.indexOf(project.name);
    return sorted.toSorted((a, b) => rank(a) - rank(b) || place(a) - place(b));
  }
}
