import { sha256 } from '../crypto/digest.js';
import type { Clock } from '../store/clock.js';
import type { Db, Queryable } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { HashToken } from '../vault/token-hashes.js';
import type { AccessTokens } from './access-tokens.js';
import type { Caller } from './caller.js';
import { type Admitted, callerOfAccessToken, callerOfKey } from './load-caller.js';
import { isAccessToken, mayBeToken } from './token.js';

interface Known extends Admitted {
  /** Count of changes before the store was read; undefined where it is not known. */
  changes: number | undefined;
  /** Expiry of the cache entry, short so that a revocation on another node takes effect soon. */
  freshUntil: number;
}

export interface AuthenticatorDependencies {
  db: Db;
  changes: Store['changes'];
  accessTokens: AccessTokens;
  hashToken: HashToken;
  clock: Pick<Clock, 'now' | 'iso'>;
}

const freshMs = 1000;
const knownMax = 10_000;

/**
 * True while this caller's key or token, and its user, may still be used.
 * @param at ISO 8601, by the store's clock
 */
async function isGrantAlive(
  db: Queryable,
  { keyId, userId, tenantId }: Pick<Caller, 'keyId' | 'userId' | 'tenantId'>,
  at: string,
): Promise<boolean> {
  const user = await db
    .selectFrom('user')
    .select('id')
    .where('id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('status', '=', 'active')
    .executeTakeFirst();
  if (!user) return false;
  const key = await db
    .selectFrom('api_key')
    .select('id')
    .where('id', '=', keyId)
    .where('user_id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    .executeTakeFirst();
  if (key) return true;
  const token = await db
    .selectFrom('oauth_token')
    .select('id')
    .where('id', '=', keyId)
    .where('user_id', '=', userId)
    .where('tenant_id', '=', tenantId)
    .where('expires_at', '>', at)
    .executeTakeFirst();
  return token !== undefined;
}

export type Authenticator = ReturnType<typeof createAuthenticator>;

export function createAuthenticator(deps: AuthenticatorDependencies) {
  const { db, changes, accessTokens, hashToken, clock } = deps;
  const known = new Map<string, Known>();

  const load = (token: string) =>
    isAccessToken(token) ? callerOfAccessToken(db, accessTokens, token) : callerOfKey(db, hashToken, token);

  /** The caller of a token, and until when; undefined when the token is not valid. */
  const admit = async (token: string): Promise<Admitted | undefined> => {
    if (!isAccessToken(token) && !mayBeToken(token)) return undefined;
    // Only for this map, so that keys cannot be found in the memory of this process.
    const hash = sha256(token);
    let entry = known.get(hash);
    // Where changes are counted, none is missed; elsewhere the entry expires soon.
    if (!entry || entry.freshUntil <= clock.now() || entry.changes !== changes()) {
      // Taken before the store is read, so that the time of the read does not extend the life of the entry.
      const taken = { freshUntil: clock.now() + freshMs, changes: changes() };
      const admitted = await load(token);
      if (!admitted) {
        known.delete(hash);
        return undefined;
      }
      entry = { ...admitted, ...taken };
      if (known.size >= knownMax) known.clear();
      known.set(hash, entry);
    }
    return entry.expiresAt > clock.now() ? entry : undefined;
  };

  return {
    admit,
    /** The user of an API key, or the machine user of an access token. */
    authenticate: async (token: string): Promise<Caller | undefined> => (await admit(token))?.caller,
    /** True while this caller's key or token, and its user, may still be used: reads the store. */
    isAlive: (queryable: Queryable, caller: Pick<Caller, 'keyId' | 'userId' | 'tenantId'>) =>
      isGrantAlive(queryable, caller, clock.iso()),
    /** Drops all cached callers, after a key, a token or a user changed. */
    forget: () => known.clear(),
  };
}
