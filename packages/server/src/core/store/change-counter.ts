import type Database from 'libsql';

/** Counts changes of the rows that answers rest on. */
export interface ChangeCounter {
  /** Called after every statement of this process, whether or not it succeeded. */
  executed(statement: string): void;
  /** Grows with each change that is committed, by this process or past it. */
  current(): number;
}

/** Tables that are written all the time, and that no kept answer rests on (`kept-answers.test.ts`). */
export const uncountedTables: readonly string[] = [
  'audit_event',
  'idempotent_request',
  'rate_count',
  'use_checkpoint',
  'use_record',
  'use_shard',
];

const readsOnly = /^\s*(?:select|begin|commit)\b/i;
const writesUncounted = new RegExp(
  `^\\s*(?:insert into|update|delete from)\\s+"(?:${uncountedTables.join('|')})"`,
  'i',
);

/**
 * The counter of the embedded store, whose statements pass through one place of one process: nothing has to remember to
 * count. Reads wait for the end of a transaction, as there is one connection: what is read after the count of a write has
 * seen the write.
 */
export function createChangeCounter(database: Database.Database): ChangeCounter {
  let count = 0;
  // Changes when another connection commits (https://www.sqlite.org/pragma.html#pragma_data_version): tools and tests
  // that write past the service. Looked at once a turn of the event loop.
  const versionOfOthers = database.prepare('PRAGMA data_version').raw();
  let seen = -1;
  let isSeen = false;
  const look = (): void => {
    const [version] = versionOfOthers.get() as [number];
    if (version !== seen) count += 1;
    seen = version;
    isSeen = true;
    setImmediate(() => {
      isSeen = false;
    });
  };
  return {
    executed(statement) {
      if (!readsOnly.test(statement) && !writesUncounted.test(statement)) count += 1;
    },
    current() {
      if (!isSeen) look();
      return count;
    },
  };
}
