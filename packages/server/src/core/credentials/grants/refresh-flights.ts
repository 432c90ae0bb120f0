import { OutcomeUnknownError, StoreUnavailableError } from '../../store/store-error.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { CredentialRef } from './grant-records.js';
import type { StoredGrant } from './grant-state.js';
import { notKnownYet } from './oauth-failures.js';
import { type RefreshDependencies, refresh } from './refreshing.js';

/** A refresh that is running. */
export interface Flight {
  outcome: Promise<StoredGrant>;
  /** The provider has answered, and only the store is waited for. */
  isAnswered: boolean;
}

export type RefreshFlights = ReturnType<typeof createRefreshFlights>;

/** Single flight: at most one refresh of a credential runs in this process, and all who need it share its outcome. */
export function createRefreshFlights(deps: RefreshDependencies) {
  const running = new Map<string, Flight>();
  return {
    /**
     * Joins the refresh that is running, or begins one.
     * @throws StoreUnavailableError while the process is closing
     */
    join(
      credential: CredentialRef,
      setup: ClientConfiguration,
      isGood: (grant: StoredGrant) => boolean,
    ): Flight {
      const found = running.get(credential.id);
      if (found) return found;
      if (deps.isClosing()) throw new StoreUnavailableError('The service is stopping.');
      const onAnswer = () => {
        begun.isAnswered = true;
      };
      const begun: Flight = {
        isAnswered: false,
        outcome: refresh(deps, { credential, setup, isGood, onAnswer })
          .catch((error: unknown) => {
            // The caller did not ask for this change, so its unknown outcome is not theirs to look after.
            if (!(error instanceof OutcomeUnknownError)) throw error;
            throw new StoreUnavailableError('The store became unavailable during a refresh.', {
              cause: error,
            });
          })
          .finally(() => running.delete(credential.id)),
      };
      running.set(credential.id, begun);
      return begun;
    },

    /** The outcome, for a caller who waits `waitMs` at most; the refresh continues without them. */
    async wait(flight: Flight): Promise<StoredGrant> {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<never>((_, reject) => {
        const notStoredYet = () => new StoreUnavailableError('The refreshed tokens cannot be stored yet.');
        const giveUp = () => reject(flight.isAnswered ? notStoredYet() : notKnownYet());
        timer = setTimeout(giveUp, deps.times.waitMs);
      });
      try {
        return await Promise.race([flight.outcome, patience]);
      } finally {
        clearTimeout(timer);
        flight.outcome.catch(() => undefined);
      }
    },

    /** Resolves when all that are running have ended. */
    async settled(): Promise<void> {
      await Promise.allSettled([...running.values()].map(({ outcome }) => outcome));
    },
  };
}
