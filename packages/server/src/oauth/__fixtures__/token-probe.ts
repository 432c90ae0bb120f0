import { exchangeCode } from '../code-grant.js';
import { refreshGrant } from '../refresh-grant.js';
import type { ProviderCall, TokenSet } from '../types.js';
import { type Behaviour, gateOf, json, startTokenServer, type TokenServer } from './token-server.js';

export const client = { clientId: 'client-1', clientSecret: 'canary-client-secret' };
export const refreshToken = 'canary-refresh-token';
/** The clock of every call. */
export const at = Date.parse('2026-01-02T03:04:05Z');
export const good = { access_token: 'canary-access-token', token_type: 'Bearer', expires_in: 600 };

/** A token endpoint, and the two grants of a person against it with the answer that is wanted. */
export interface TokenProbe extends AsyncDisposable {
  server: TokenServer;
  call: ProviderCall;
  refresh(behaviour: Behaviour, extra?: Partial<ProviderCall>): Promise<TokenSet>;
  exchange(behaviour: Behaviour, extra?: Partial<ProviderCall>): Promise<TokenSet>;
}

export async function startTokenProbe(): Promise<TokenProbe> {
  const server = await startTokenServer(json(good));
  const call: ProviderCall = { preset: server.preset, client, network: gateOf(), now: () => at };
  return {
    server,
    call,
    refresh(behaviour, extra = {}) {
      server.behaviour = behaviour;
      return refreshGrant({ ...call, ...extra, refreshToken });
    },
    exchange(behaviour, extra = {}) {
      server.behaviour = behaviour;
      const redirect = { redirectUri: 'https://mooring.example/callback', code: 'canary-code' };
      return exchangeCode({ ...call, ...extra, ...redirect, codeVerifier: 'canary-verifier' });
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
