import type { Secret } from '@mooring/connectors/interface/secret';
import type { AssertionClaims } from '@mooring/connectors/interface/sign-in';
import { SignJWT } from 'jose';
import { genericTokenEndpointRequest, processGenericTokenEndpointResponse } from 'oauth4webapi';
import { newUuid } from '../crypto/random.js';
import { readPrivateKey } from './private-key.js';
import { scopeParameter, withRequestedScope } from './requested-scope.js';
import { withEndpoints } from './server-metadata.js';
import { targetParameters } from './target-parameters.js';
import { requestTokens } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

/** A service account: its claims, and the key that signs them. */
export interface Assertion extends AssertionClaims {
  /** PEM. */
  privateKey: Secret<string>;
  keyId?: string;
}

const lifeSeconds = 300;

/**
 * A token for a service account: a JWT that it signs is the grant (RFC 7523 section 2.1). There is no OAuth client.
 * @throws OAuthError
 */
export async function requestJwtBearer(given: ProviderCall, assertion: Assertion): Promise<TokenSet> {
  const call = await withEndpoints(given);
  const { accountScopes: _account, ...preset } = call.preset;
  const { scope } = scopeParameter(preset);
  const signed = await sign(assertion, preset.tokenEndpoint, scope, call.now());
  const parameters = {
    assertion: signed,
    ...(scope === undefined ? {} : { scope }),
    ...targetParameters(preset),
  };
  const tokens = await requestTokens(
    // The library requires a client id; it is not sent.
    { ...call, client: { clientId: assertion.issuer }, preset: { ...preset, clientAuthentication: 'none' } },
    {
      step: 'assertion',
      isRenewable: true,
      send: ({ server, client }, options) =>
        genericTokenEndpointRequest(
          server,
          client,
          // The assertion authenticates (section 3.1); a client_id of no client would be rejected.
          () => {},
          'urn:ietf:params:oauth:grant-type:jwt-bearer',
          parameters,
          options,
        ),
      process: ({ server, client }, response) =>
        processGenericTokenEndpointResponse(server, client, response),
    },
  );
  const { refreshToken: _, ...own } = tokens;
  return withRequestedScope(preset, own);
}

async function sign(
  { issuer, subject, audience, privateKey, keyId }: Assertion,
  tokenEndpoint: string,
  scope: string | undefined,
  now: number,
): Promise<string> {
  const { key, algorithm } = await readPrivateKey(privateKey);
  const seconds = Math.floor(now / 1000);
  // Some providers read the scope in the assertion, others the parameter.
  return new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(issuer)
    .setSubject(subject ?? issuer)
    .setAudience(audience ?? tokenEndpoint)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + lifeSeconds)
    .setJti(newUuid())
    .sign(key);
}
