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

/** Single flight: at most one refresh of a credential runs in this process, and all who need it share its outcome. */
export interface RefreshFlights {
  /**
   * Joins the refresh that is running, or begins one.
   * @throws StoreUnavailableError while the process is closing
   */
  join(
    credential: CredentialRef,
    setup: ClientConfiguration,
    isGood: (grant: StoredGrant) => boolean,
  ): Flight;
  /** The outcome, for a caller who waits `waitMs` at most; the refresh continues without them. */
  wait(flight: Flight): Promise<StoredGrant>;
  /** Resolves when all that are running have ended. */
  settled(): Promise<void>;
}

export function createRefreshFlights(deps: RefreshDependencies): RefreshFlights {
  const running = new Map<string, Flight>();
  return {
    join(credential, setup, isGood) {
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

    async wait(flight) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () =>
            reject(
              flight.isAnswered
                ? new StoreUnavailableError('The refreshed tokens cannot be stored yet.')
                : notKnownYet(),
            ),
          deps.times.waitMs,
        );
      });
      try {
        return await Promise.race([flight.outcome, patience]);
      } finally {
        clearTimeout(timer);
        flight.outcome.catch(() => undefined);
      }
    },

    async settled() {
      await Promise.allSettled([...running.values()].map(({ outcome }) => outcome));
    },
  };
}
