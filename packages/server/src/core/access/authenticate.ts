import { sha256 } from '../crypto/digest.js';
import type { Clock } from '../store/clock.js';
import type { Db, Queryable } from '../store/queryable.js';
import type { HashToken } from '../vault/token-hashes.js';
import type { AccessTokens } from './access-tokens.js';
import { isGrantAlive } from './alive.js';
import type { Caller } from './caller.js';
import { type Admitted, callerOfAccessToken, callerOfKey } from './load-caller.js';
import { isAccessToken, mayBeToken } from './token.js';

interface Known extends Admitted {
  /** Expiry of the cache entry, short so that a revocation on another node takes effect soon. */
  freshUntil: number;
}

export interface Authenticator {
  /** The user of an API key, or the machine user of an access token. */
  authenticate(token: string): Promise<Caller | undefined>;
  /** True while this caller's key or token, and its user, may still be used: reads the store. */
  isAlive(db: Queryable, caller: Pick<Caller, 'keyId' | 'userId' | 'tenantId'>): Promise<boolean>;
  /** Drops all cached callers, after a key, a token or a user changed. */
  forget(): void;
}

export interface AuthenticatorDependencies {
  db: Db;
  accessTokens: AccessTokens;
  hashToken: HashToken;
  clock: Pick<Clock, 'now' | 'iso'>;
}

const freshMs = 1000;
const knownMax = 10_000;

export function createAuthenticator(deps: AuthenticatorDependencies): Authenticator {
  const { db, accessTokens, hashToken, clock } = deps;
  const known = new Map<string, Known>();

  const load = (token: string) =>
    isAccessToken(token) ? callerOfAccessToken(db, accessTokens, token) : callerOfKey(db, hashToken, token);

  return {
    async authenticate(token) {
      if (!isAccessToken(token) && !mayBeToken(token)) return undefined;
      // Only for this map, so that keys cannot be found in the memory of this process.
      const hash = sha256(token);
      let entry = known.get(hash);
      if (!entry || entry.freshUntil <= clock.now()) {
        // Taken before the store is read, so that the time of the read does not extend the life of the entry.
        const freshUntil = clock.now() + freshMs;
        const admitted = await load(token);
        if (!admitted) {
          known.delete(hash);
          return undefined;
        }
        entry = { ...admitted, freshUntil };
        if (known.size >= knownMax) known.clear();
        known.set(hash, entry);
      }
      return entry.expiresAt > clock.now() ? entry.caller : undefined;
    },
    isAlive: (queryable, caller) => isGrantAlive(queryable, caller, clock.iso()),
    forget: () => known.clear(),
  };
}
