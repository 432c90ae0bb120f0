import type { Caller } from '../access/caller.js';
import { loadCredential, resolutionOf } from '../credentials/resolve.js';
import { AppError } from '../errors/app-error.js';
import type { Queryable } from '../store/queryable.js';
import type { Store } from '../store/store.js';

// Running uses, and whether their users still have the right to them. A right revoked on any node ends them here
// within two seconds, the bound that docs/guides/revoke-now.md states, because each node polls the store.

/** What the right to a use depends on. */
export interface RunningUse {
  caller: Caller;
  connectionId: string;
  /** Absent where the sign-in method needs no credential of the user. */
  credentialId: string | undefined;
}

export interface WatchedUse {
  /** Aborted with an AppError when the right to the use is revoked. */
  readonly signal: AbortSignal;
  end(): void;
}

export interface RunningUsesDependencies {
  store: Store;
  /** True while the key or token with this id, and its user, may still be used. */
  isKeyAlive(db: Queryable, caller: Caller): Promise<boolean>;
}

const lookMs = 500;
/** The part of the two seconds for two checks and the pause between them. */
const boundMs = 1_800;
/** How long a node that cannot read the store lets a use continue. */
const cutOffMs = 30_000;
/** A use that waited longer than this in the queue is checked before it begins. */
const waitedMs = 500;

/**
 * The pause after a check: nine times its duration, so that checks take a tenth of the time, unless the bound
 * requires more. A right revoked just after a check is noticed by the next one.
 */
const pauseAfter = (lookedMs: number): number =>
  Math.max(0, Math.min(Math.max(lookMs, lookedMs * 9), boundMs - 2 * lookedMs));

export const rightTakenAway = (): AppError =>
  new AppError('ACCESS-DENIED', 'The right to this use was revoked while it was running.');

const cannotBeAsked = (): AppError =>
  new AppError(
    'NOT-READY',
    'Mooring could not check for too long whether you still have the right to this use. Try again.',
  );

interface Entry {
  use: RunningUse;
  controller: AbortController;
  /** When its right was last confirmed, by `performance.now()`. */
  sureAt: number;
}

/** Asks each question once per look, however many uses need its answer. */
function questions() {
  const answers = new Map<string, Promise<boolean>>();
  return (name: string, ask: () => Promise<boolean>): Promise<boolean> => {
    const answer = answers.get(name) ?? ask();
    answers.set(name, answer);
    return answer;
  };
}
type Once = ReturnType<typeof questions>;

/** Whether the right to a use still stands. */
async function mayContinue(
  { store, isKeyAlive }: RunningUsesDependencies,
  once: Once,
  { caller, connectionId, credentialId }: RunningUse,
): Promise<boolean> {
  const { keyId, userId } = caller;
  const isAlive = await once(`key ${keyId} ${userId}`, () => isKeyAlive(store.aside, caller));
  if (!isAlive) return false;
  const found = await loadCredential(store.aside, caller, connectionId);
  if (!found?.mayUse || found.isSourceDisabled) return false;
  if (credentialId === undefined) return true;
  const { credential, state } = resolutionOf(caller, found);
  // A grant that has ended at its provider is detected where it is used.
  const takenAway = ['needs_confirmation', 'needs_approval', 'missing'];
  return credential?.id === credentialId && !takenAway.includes(state);
}

export type RunningUses = ReturnType<typeof createRunningUses>;

export function createRunningUses(deps: RunningUsesDependencies) {
  const { store, isKeyAlive } = deps;
  const entries = new Set<Entry>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let lookedMs = 0;

  const lookAtAll = async (): Promise<void> => {
    const once = questions();
    const begun = performance.now();
    await Promise.all(
      [...entries].map(async (entry) => {
        const { use, controller } = entry;
        const key = `use ${use.caller.keyId} ${use.caller.userId} ${use.connectionId} ${use.credentialId}`;
        try {
          if (await once(key, () => mayContinue(deps, once, use))) entry.sureAt = begun;
          else controller.abort(rightTakenAway());
        } catch {
          // A store that does not answer revokes no right, and no new use begins without it. But another node may
          // reach it, and a right revoked there must end the use here too.
          if (performance.now() - entry.sureAt > cutOffMs) controller.abort(cannotBeAsked());
        }
      }),
    );
  };
  /** Checks every use now; called after a revocation on this node. */
  const look = (): Promise<void> => {
    looking ??= lookAtAll().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const schedule = (): void => {
    if (timer !== undefined || entries.size === 0) return;
    timer = setTimeout(() => {
      const begun = performance.now();
      void look().then(() => {
        timer = undefined;
        lookedMs = performance.now() - begun;
        schedule();
      });
    }, pauseAfter(lookedMs)).unref();
  };

  return {
    /**
     * For a use that was admitted at `since` (`performance.now()`) and may have waited for its turn.
     * @throws AppError when its key, token or user was revoked since
     */
    async assertAlive(caller: Caller, since: number): Promise<void> {
      if (performance.now() - since > waitedMs && !(await isKeyAlive(store.aside, caller)))
        throw rightTakenAway();
    },
    watch(use: RunningUse): WatchedUse {
      const entry: Entry = { use, controller: new AbortController(), sureAt: performance.now() };
      entries.add(entry);
      schedule();
      return {
        signal: entry.controller.signal,
        end: () => void entries.delete(entry),
      };
    },
    look,
    close(): void {
      clearTimeout(timer);
      entries.clear();
    },
  };
}
