import type { Caller } from '../access/caller.js';
import { loadConnection } from '../access/connection-access.js';
import { resolveCredential } from '../credentials/resolve.js';
import { AppError } from '../errors/app-error.js';
import type { Queryable } from '../store/queryable.js';
import type { Store } from '../store/store.js';

// Uses that are under way, and whether their people may still do what they do. A right that was taken away on any
// node ends them here within two seconds, the bound that docs/guides/revoke-now.md states: what is asked is the store,
// again and again, and nobody has to tell.

/** What a use stands on. */
export interface RunningUse {
  caller: Caller;
  connectionId: string;
  /** Absent where the sign-in needs nothing of the person. */
  credentialId: string | undefined;
}

export interface WatchedUse {
  /** Aborted, with an AppError, when the right to the use is gone. */
  readonly signal: AbortSignal;
  end(): void;
}

export interface RunningUses {
  /**
   * For a use that was admitted at `since` (`performance.now()`) and may have waited for its turn.
   * @throws AppError when its key or token, or the person behind it, has been taken away meanwhile
   */
  assertAlive(caller: Caller, since: number): Promise<void>;
  watch(use: RunningUse): WatchedUse;
  /** Looks at every use now; for the moment after something was taken away on this node. */
  look(): Promise<void>;
  close(): void;
}

export interface RunningUsesDependencies {
  store: Store;
  /** True while the key or token with this id, and the person behind it, may still be used. */
  isKeyAlive(db: Queryable, caller: Caller): Promise<boolean>;
  isSourceDisabled(tenantId: string, sourceId: string): Promise<boolean>;
}

const lookMs = 500;
/** What the bound of two seconds leaves for two looks and the pause between them. */
const boundMs = 1_800;
/** A node that cannot ask the store lets a use go on for so long. */
const cutOffMs = 30_000;
/** A use that has waited longer than this for its turn is looked at before it begins. */
const waitedMs = 500;

/**
 * The pause after a look: nine times as long as it took, so that looks cost a tenth of the time, unless the bound asks
 * for more. A right that goes just after it was looked at is missed by the next look at the latest.
 */
const pauseAfter = (lookedMs: number): number =>
  Math.max(0, Math.min(Math.max(lookMs, lookedMs * 9), boundMs - 2 * lookedMs));

export const rightTakenAway = (): AppError =>
  new AppError('ACCESS-DENIED', 'The right to this use was taken away while it was under way.');

const cannotBeAsked = (): AppError =>
  new AppError('NOT-READY', 'Whether the right to this use still stands could not be asked for too long.');

interface Entry {
  use: RunningUse;
  controller: AbortController;
  /** When its right was last known to stand, by `performance.now()`. */
  sureAt: number;
}

export function createRunningUses({
  store,
  isKeyAlive,
  isSourceDisabled,
}: RunningUsesDependencies): RunningUses {
  const entries = new Set<Entry>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let lookedMs = 0;

  /** Each question once a look, however many uses ask it. */
  const questions = () => {
    const answers = new Map<string, Promise<boolean>>();
    return (name: string, ask: () => Promise<boolean>): Promise<boolean> => {
      const answer = answers.get(name) ?? ask();
      answers.set(name, answer);
      return answer;
    };
  };
  type Once = ReturnType<typeof questions>;

  const mayGoOn = async (
    once: Once,
    { caller, connectionId, credentialId }: RunningUse,
  ): Promise<boolean> => {
    const { tenantId, keyId, userId } = caller;
    const isAlive = await once(`key ${keyId} ${userId}`, () => isKeyAlive(store.aside, caller));
    if (!isAlive) return false;
    // A caller of its own, so that the look is no part of a conditional request.
    const found = await loadConnection(store.aside, { ...caller }, { id: connectionId });
    if (!found?.mayUse) return false;
    const { source_id } = found.row;
    if (await once(`source ${tenantId} ${source_id}`, () => isSourceDisabled(tenantId, source_id)))
      return false;
    if (credentialId === undefined) return true;
    const { credential, state } = await resolveCredential(store.aside, caller, found.row);
    // A grant that has ended at its provider is found out where it is used.
    const takenAway = ['needs_confirmation', 'needs_approval', 'missing'];
    return credential?.id === credentialId && !takenAway.includes(state);
  };

  const lookAtAll = async (): Promise<void> => {
    const once = questions();
    const begun = performance.now();
    await Promise.all(
      [...entries].map(async (entry) => {
        const { use, controller } = entry;
        const key = `use ${use.caller.keyId} ${use.caller.userId} ${use.connectionId} ${use.credentialId}`;
        try {
          if (await once(key, () => mayGoOn(once, use))) entry.sureAt = begun;
          else controller.abort(rightTakenAway());
        } catch {
          // A store that does not answer takes no right away, and no new use begins without it; but another node may
          // reach it, and what is taken away there must end here too.
          if (performance.now() - entry.sureAt > cutOffMs) controller.abort(cannotBeAsked());
        }
      }),
    );
  };
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
    async assertAlive(caller, since) {
      if (performance.now() - since > waitedMs && !(await isKeyAlive(store.aside, caller)))
        throw rightTakenAway();
    },
    watch(use) {
      const entry: Entry = { use, controller: new AbortController(), sureAt: performance.now() };
      entries.add(entry);
      schedule();
      return {
        signal: entry.controller.signal,
        end: () => void entries.delete(entry),
      };
    },
    look,
    close() {
      clearTimeout(timer);
      entries.clear();
    },
  };
}
