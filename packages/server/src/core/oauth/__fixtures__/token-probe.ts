import { Secret } from '@mooring/connectors/interface/secret';
import { hiddenClient } from '../../config/hidden-client.js';
import type { Plain } from '../../credentials/grants/hidden-grant.js';
import { exchangeCode } from '../code-grant.js';
import { refreshGrant } from '../refresh-grant.js';
import type { ProviderCall, TokenSet } from '../types.js';
import { plain } from './plain-secrets.js';
import { type Behaviour, gateOf, json, startTokenServer, type TokenServer } from './token-server.js';

export const client = { clientId: 'client-1', clientSecret: 'canary-client-secret' };
const hidden = hiddenClient(client);
export const refreshToken = 'canary-refresh-token';
/** The clock of every call. */
export const at = Date.parse('2026-01-02T03:04:05Z');
export const good = { access_token: 'canary-access-token', token_type: 'Bearer', expires_in: 600 };

/** An ID token at that time, for our client. Its signature is nobody's: over TLS, the library does not read it. */
export function idTokenOf(claims: Record<string, unknown>, alg = 'RS256'): string {
  const own = { aud: client.clientId, sub: 'alice', iat: at / 1000, exp: at / 1000 + 60 };
  const parts = [{ alg }, { ...own, ...claims }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return [...parts, 'c2lnbmVk'].join('.');
}

/** A token endpoint, and the two grants of a person against it with the answer that is wanted. */
export interface TokenProbe extends AsyncDisposable {
  server: TokenServer;
  call: ProviderCall;
  refresh(behaviour: Behaviour, extra?: Partial<ProviderCall>): Promise<Plain<TokenSet>>;
  exchange(behaviour: Behaviour, extra?: Partial<ProviderCall>): Promise<Plain<TokenSet>>;
}

export async function startTokenProbe(): Promise<TokenProbe> {
  const server = await startTokenServer(json(good));
  const call: ProviderCall = { preset: server.preset, client: hidden, network: gateOf(), now: () => at };
  return {
    server,
    call,
    async refresh(behaviour, extra = {}) {
      server.behaviour = behaviour;
      return plain(await refreshGrant({ ...call, ...extra, refreshToken: new Secret(refreshToken) }));
    },
    async exchange(behaviour, extra = {}) {
      server.behaviour = behaviour;
      const redirect = { redirectUri: 'https://mooring.example/callback', code: new Secret('canary-code') };
      return plain(
        await exchangeCode({ ...call, ...extra, ...redirect, codeVerifier: new Secret('canary-verifier') }),
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
