import { setImmediate as nextTurn } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import type { Db, Tx } from './queryable.js';

// Transactions of concurrent requests on the embedded store share one commit, and so one flush to the disk. They run one
// after the other, as SQLite has one writer, each in a savepoint: a failure undoes its own writes and no others.

/** Waiting transactions are added to a commit for so long; then others get the connection and the event loop. */
const groupMs = 5;
const groupMax = 64;

/** One `transaction()` that waits for its commit. */
interface Member {
  work(tx: Tx): Promise<void>;
  /** Whether the work failed. */
  hasFailed(): boolean;
  /** Tells the caller, after the commit: also a failure may be due to what another member wrote. */
  tell(): void;
  fail(error: unknown): void;
  /** Shares no commit, as the one before was undone by the failure of another member. */
  isAlone: boolean;
}

/** SQLite undid the whole transaction, as it does on a full disk. */
class GroupUndone extends Error {}

const begin = CompiledQuery.raw('savepoint member');
const keep = CompiledQuery.raw('release member');
const undo = CompiledQuery.raw('rollback to member');

function memberOf<Result>(
  work: (tx: Tx) => Promise<Result>,
  resolve: (result: Result) => void,
  reject: (error: unknown) => void,
): Member {
  let tell = (): void => undefined;
  let hasFailed = false;
  return {
    isAlone: false,
    hasFailed: () => hasFailed,
    async work(tx) {
      hasFailed = false;
      try {
        const result = await work(tx);
        tell = () => resolve(result);
      } catch (error) {
        tell = () => reject(error);
        hasFailed = true;
        throw error;
      }
    },
    tell: () => tell(),
    fail: reject,
  };
}

/** @throws GroupUndone when nothing is left of the transaction */
async function runInSavepoint(tx: Tx, member: Member): Promise<void> {
  await tx.executeQuery(begin);
  const isWhole = await member.work(tx).then(
    () => true,
    () => false,
  );
  try {
    if (!isWhole) await tx.executeQuery(undo);
    await tx.executeQuery(keep);
  } catch (cause) {
    throw new GroupUndone('The transaction was undone.', { cause });
  }
}

/**
 * Durable transactions that share commits. `work` runs again, by itself, after another one of its group ended the whole
 * transaction.
 */
export function createGroupCommit(db: Db): <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result> {
  const waiting: Member[] = [];
  let isLed = false;

  /** The next member of this group, if it has room. */
  const nextOf = (group: readonly Member[], until: number): Member | undefined => {
    const isOver = group.length >= groupMax || performance.now() >= until;
    if (group.length > 0 && (isOver || group[0]?.isAlone || waiting[0]?.isAlone)) return undefined;
    return waiting.shift();
  };

  const commitGroup = async (): Promise<void> => {
    const group: Member[] = [];
    try {
      await db.transaction().execute(async (transaction) => {
        const tx = Object.assign(transaction, { clock: db.clock });
        const until = performance.now() + groupMs;
        for (let member = nextOf(group, until); member; member = nextOf(group, until)) {
          group.push(member);
          // The first one is undone with the whole transaction: alone it needs no savepoint.
          if (group.length === 1) await member.work(tx);
          else await runInSavepoint(tx, member);
        }
      });
      for (const member of group) member.tell();
    } catch (error) {
      settleFailed(group, error);
    }
  };

  const settleFailed = (group: readonly Member[], error: unknown): void => {
    if (error instanceof GroupUndone) {
      for (const member of group.filter((one) => one.hasFailed())) member.tell();
      const undone = group.filter((member) => !member.hasFailed());
      waiting.unshift(...undone.map((member) => Object.assign(member, { isAlone: true })));
      return;
    }
    // The first one failed, or the commit: its outcome is that of all. Without one the transaction did not begin, as after
    // `close`: so it would go for all that wait.
    const failed = group.length > 0 ? group : waiting.splice(0);
    for (const member of failed) member.fail(error);
  };

  const lead = async (): Promise<void> => {
    // Requests that arrived in this turn of the event loop get here before it ends.
    await nextTurn();
    while (waiting.length > 0) {
      await commitGroup();
      // Requests that do not write get theirs between two commits (TR18).
      await nextTurn();
    }
    isLed = false;
  };

  return (work) =>
    new Promise((resolve, reject) => {
      waiting.push(memberOf(work, resolve, reject));
      if (isLed) return;
      isLed = true;
      void lead();
    });
}
