import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import type { CredentialTable } from '../store/tables.js';
import type { Grants } from './grants.js';
import type { OAuthSetup } from './oauth-setup.js';

// Some providers end a grant that nobody uses. It is renewed in half of that time, by whichever node comes first.

export interface KeepAlive {
  /** Renews what is due. Runs by itself once a minute. */
  round(): Promise<void>;
  close(): Promise<void>;
}

export interface KeepAliveDependencies {
  store: Store;
  grants: Pick<Grants, 'renewIdle'>;
  setupOf(credential: CredentialTable): Promise<OAuthSetup | undefined>;
  log: Logger;
}

const roundMs = 60_000;
const perRound = 50;
const atOnce = 4;

export function createKeepAlive({ store, grants, setupOf, log }: KeepAliveDependencies): KeepAlive {
  const due = () => {
    const now = store.clock.iso();
    return store.db
      .selectFrom('grant_state')
      .innerJoin('credential', 'credential.id', 'grant_state.credential_id')
      .selectAll('credential')
      .where('credential.state', '=', 'ready')
      .where('grant_state.keep_alive_at', '<=', now)
      .where((eb) =>
        eb.or([eb('grant_state.not_before', 'is', null), eb('grant_state.not_before', '<=', now)]),
      )
      .orderBy('grant_state.keep_alive_at')
      .limit(perRound)
      .execute();
  };

  const renew = async (credential: CredentialTable): Promise<void> => {
    try {
      const setup = await setupOf(credential);
      if (setup) await grants.renewIdle(credential, setup);
    } catch (error) {
      // The grant's own row says when it may be tried again; a use will say what is wrong to somebody who can mend it.
      log.warn({ credentialId: credential.id, err: error }, 'an idle grant was not renewed');
    }
  };

  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    const waiting = await due();
    while (waiting.length > 0) await Promise.all(waiting.splice(0, atOnce).map(renew));
  };
  const once = (): Promise<void> => {
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void once().catch(() => undefined), roundMs).unref();
  return {
    round: once,
    async close() {
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}
