import type { Network } from '@mooring/connectors/spec/network';
import { requestClientCredentials } from '../oauth/client-credentials-grant.js';
import { requestJwtBearer } from '../oauth/jwt-bearer-grant.js';
import { OAuthError } from '../oauth/oauth-error.js';
import type { ProviderCall } from '../oauth/types.js';
import type { Clock } from '../store/clock.js';
import type { CredentialRef } from './grant-records.js';
import { type StoredGrant, storedGrant } from './grant-state.js';
import type { OAuthSetup } from './oauth-setup.js';
import { providerTrouble, signInAgain } from './refreshing.js';

// Tokens of a connection's own client (RFC 6749 section 4.4) and of service accounts (RFC 7523). Nothing is lost with one, so they stay in memory.

export interface ClientTokens {
  get(
    credential: CredentialRef,
    setup: OAuthSetup,
    isGood: (grant: StoredGrant) => boolean,
  ): Promise<StoredGrant>;
}

const ask = ({ assertion, ...call }: OAuthSetup & ProviderCall) =>
  assertion ? requestJwtBearer(call, assertion) : requestClientCredentials(call);

export function createClientTokens(network: Network, clock: Clock): ClientTokens {
  const kept = new Map<string, Promise<StoredGrant>>();

  return {
    async get(credential, setup, isGood) {
      const key = `${credential.id}:${credential.version}`;
      const current = kept.get(key);
      const grant = await current?.catch(() => undefined);
      if (grant && isGood(grant)) return grant;
      // Whoever comes first replaces the token; the others wait for the same one.
      if (kept.get(key) === current) {
        const fetched = ask({ ...setup, network, now: clock.now });
        kept.set(
          key,
          fetched.then((tokens) => storedGrant(tokens, clock.now())),
        );
      }
      try {
        const fresh = await kept.get(key);
        if (!fresh) throw new Error('the client token was dropped while it was awaited');
        return fresh;
      } catch (error) {
        kept.delete(key);
        const isRefused =
          error instanceof OAuthError && (error.kind === 'client_refused' || error.kind === 'grant_dead');
        throw isRefused ? signInAgain(error) : providerTrouble(error);
      }
    },
  };
}
