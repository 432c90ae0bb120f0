import type { Adapter, AdapterPayload } from 'oidc-provider';
import { knowSecret } from '../known-secrets.js';

interface Entry {
  model: string;
  payload: AdapterPayload;
  expiresAt: number;
}

/** State of the authorization server, in memory. */
export interface AuthorizationStore {
  /** For the `adapter` setting of oidc-provider. */
  adapter(model: string): Adapter;
  /** Deletes every record that matches. */
  forget(matches: (model: string, payload: AdapterPayload) => boolean): void;
}

interface StoreOptions {
  /** Called at each refresh: whether the refresh token that was used stays valid. */
  keepsOldRefreshTokens: () => boolean;
}

type Entries = Map<string, Entry>;

/** Models whose ids are the tokens and codes that the server issues. */
const secretModels = /^(AccessToken|ClientCredentials|RefreshToken|AuthorizationCode|DeviceCode)$/;

function findLive(entries: Entries, key: string): AdapterPayload | undefined {
  const entry = entries.get(key);
  if (entry !== undefined && entry.expiresAt <= Date.now()) {
    entries.delete(key);
    return undefined;
  }
  return entry?.payload;
}

function createAdapter(
  entries: Entries,
  model: string,
  { forget, keepsOldRefreshTokens }: Pick<AuthorizationStore, 'forget'> & StoreOptions,
): Adapter {
  const keyOf = (id: string) => `${model}:${id}`;
  function findBy(field: 'uid' | 'userCode', value: string): AdapterPayload | undefined {
    for (const [key, entry] of entries) {
      if (entry.model === model && entry.payload[field] === value) return findLive(entries, key);
    }
    return undefined;
  }
  return {
    async upsert(id, payload, expiresIn) {
      if (secretModels.test(model)) knowSecret(`${model} of the authorization server`, id);
      const expiresAt = expiresIn ? Date.now() + expiresIn * 1000 : Number.POSITIVE_INFINITY;
      entries.set(keyOf(id), { model, payload, expiresAt });
    },
    async find(id) {
      return findLive(entries, keyOf(id));
    },
    async findByUid(uid) {
      return findBy('uid', uid);
    },
    async findByUserCode(userCode) {
      return findBy('userCode', userCode);
    },
    async consume(id) {
      if (model === 'RefreshToken' && keepsOldRefreshTokens()) return;
      const payload = findLive(entries, keyOf(id));
      if (payload) payload.consumed = Math.floor(Date.now() / 1000);
    },
    async destroy(id) {
      entries.delete(keyOf(id));
    },
    async revokeByGrantId(grantId) {
      forget((_, payload) => payload.grantId === grantId);
    },
  };
}

/**
 * The package's own memory adapter evicts the oldest of a thousand records and would then end sessions
 * in a load test; this one keeps every record until it expires.
 */
export function createAuthorizationStore(options: StoreOptions): AuthorizationStore {
  const entries: Entries = new Map();
  function forget(matches: (model: string, payload: AdapterPayload) => boolean): void {
    for (const [key, { model, payload }] of entries) if (matches(model, payload)) entries.delete(key);
  }
  return { adapter: (model) => createAdapter(entries, model, { forget, ...options }), forget };
}
