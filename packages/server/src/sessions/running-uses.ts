import { loadConnection } from '../access/connection-access.js';
import { resolveCredential } from '../broker/resolve.js';
import { AppError } from '../http/app-error.js';
import type { Caller } from '../http/handler.js';
import type { Store } from '../store/store.js';

// Uses that are under way, and whether their people may still do what they do. A right that was taken away on any
// node ends them here within two seconds: what is asked is the store, again and again, and nobody has to tell.

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
  watch(use: RunningUse): WatchedUse;
  /** Looks at every use now; for the moment after something was taken away on this node. */
  look(): Promise<void>;
  close(): void;
}

export interface RunningUsesDependencies {
  store: Store;
  /** True while the key or token with this id, and the person behind it, may still be used. */
  isKeyAlive(caller: Caller): Promise<boolean>;
  isSourceDisabled(tenantId: string, sourceId: string): Promise<boolean>;
}

const lookMs = 500;
/** With very many uses the looks come less often, so that they never cost more than a tenth of the time. */
const usesPerLook = 200;

export const rightTakenAway = (): AppError =>
  new AppError('ACCESS-DENIED', 'The right to this use was taken away while it was under way.');

interface Entry {
  use: RunningUse;
  controller: AbortController;
}

export function createRunningUses({
  store,
  isKeyAlive,
  isSourceDisabled,
}: RunningUsesDependencies): RunningUses {
  const entries = new Set<Entry>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  const mayGoOn = async ({ caller, connectionId, credentialId }: RunningUse): Promise<boolean> => {
    if (!(await isKeyAlive(caller))) return false;
    // A caller of its own, so that the look is no part of a conditional request.
    const found = await loadConnection(store.db, { ...caller }, { id: connectionId });
    if (!found?.mayUse || (await isSourceDisabled(caller.tenantId, found.row.source_id))) return false;
    if (credentialId === undefined) return true;
    const { credential, state } = await resolveCredential(store.db, caller, found.row);
    // A grant that has ended at its provider is found out where it is used.
    const takenAway = ['needs_confirmation', 'needs_approval', 'missing'];
    return credential?.id === credentialId && !takenAway.includes(state);
  };

  const lookAtAll = async (): Promise<void> => {
    const verdicts = new Map<string, Promise<boolean>>();
    await Promise.all(
      [...entries].map(async ({ use, controller }) => {
        const key = `${use.caller.keyId} ${use.caller.userId} ${use.connectionId} ${use.credentialId}`;
        const verdict = verdicts.get(key) ?? mayGoOn(use);
        verdicts.set(key, verdict);
        if (!(await verdict)) controller.abort(rightTakenAway());
      }),
    );
  };
  const look = (): Promise<void> => {
    looking ??= lookAtAll()
      // A store that does not answer takes no right away; no new use begins without it.
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  const schedule = (): void => {
    if (timer !== undefined || entries.size === 0) return;
    const factor = Math.max(1, Math.min(entries.size / usesPerLook, 3));
    timer = setTimeout(() => {
      void look().then(() => {
        timer = undefined;
        schedule();
      });
    }, lookMs * factor).unref();
  };

  return {
    watch(use) {
      const entry: Entry = { use, controller: new AbortController() };
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
