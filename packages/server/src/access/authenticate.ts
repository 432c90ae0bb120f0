import type { Caller } from '../http/handler.js';
import type { Db } from '../store/store.js';
import { sha256 } from '../vault/digest.js';
import { mayBeToken } from './token.js';

interface Known {
  caller: Caller;
  expiresAt: number;
  /** Until when the entry may be believed, so that a revocation on another node is seen soon. */
  freshUntil: number;
}

export interface Authenticator {
  authenticate(token: string): Promise<Caller | undefined>;
  /** Forgets what is known about keys, after a key or a person changed. */
  forget(): void;
}

const freshMs = 2000;
const knownMax = 10_000;

/**
 * The person behind an API key. The token itself is never stored: the store holds its SHA-256, which is enough
 * for a value of 160 bits or more.
 */
export function createAuthenticator(db: Db, now: () => number = Date.now): Authenticator {
  const known = new Map<string, Known>();
  const load = async (hash: string): Promise<Known | undefined> => {
    const row = await db
      .selectFrom('api_key')
      .innerJoin('user', (join) =>
        join.onRef('user.id', '=', 'api_key.user_id').onRef('user.tenant_id', '=', 'api_key.tenant_id'),
      )
      .select([
        'api_key.id',
        'api_key.expires_at',
        'user.id as user_id',
        'user.tenant_id',
        'user.name',
        'user.roles',
      ])
      .where('api_key.token_hash', '=', hash)
      .where('api_key.revoked_at', 'is', null)
      .where('user.status', '=', 'active')
      .executeTakeFirst();
    if (!row) return undefined;
    return {
      caller: Object.freeze({
        userId: row.user_id,
        tenantId: row.tenant_id,
        name: row.name,
        roles: JSON.parse(row.roles) as string[],
        keyId: row.id,
      }),
      expiresAt: row.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(row.expires_at),
      freshUntil: now() + freshMs,
    };
  };
  return {
    async authenticate(token) {
      if (!mayBeToken(token)) return undefined;
      const hash = sha256(token);
      let entry = known.get(hash);
      if (!entry || entry.freshUntil <= now()) {
        entry = await load(hash);
        if (!entry) {
          known.delete(hash);
          return undefined;
        }
        if (known.size >= knownMax) known.clear();
        known.set(hash, entry);
      }
      return entry.expiresAt > now() ? entry.caller : undefined;
    },
    forget: () => known.clear(),
  };
}
