import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import { newUuid } from '../crypto/random.js';
import type { Caller } from './caller.js';
import { type SigningKeys, signingAlgorithm } from './signing-key.js';

// Short-lived access tokens of OAuth clients: JWTs after RFC 9068. A token alone opens nothing: its id must still be
// in the store, so that it can be revoked.

const lifeSeconds = 6 * 3600;
const audience = 'mooring/api';
const tokenType = 'at+jwt';

function headerOf(token: string): Record<string, unknown> | undefined {
  try {
    return { ...decodeProtectedHeader(token) };
  } catch {
    return undefined;
  }
}

export type TokenClient = Pick<Caller, 'userId' | 'tenantId'> & { clientId: string; scope: string };

export type AccessTokens = ReturnType<typeof createAccessTokens>;

export function createAccessTokens(keys: SigningKeys, issuer: () => string, now: () => number) {
  return {
    async issue({ clientId, userId, tenantId, scope }: TokenClient) {
      const { kid, privateKey } = await keys.current();
      const id = newUuid();
      const at = Math.floor(now() / 1000);
      const token = await new SignJWT({ client_id: clientId, tenant_id: tenantId, scope })
        .setProtectedHeader({ alg: signingAlgorithm, kid, typ: tokenType })
        .setIssuer(issuer())
        .setAudience(audience)
        .setSubject(userId)
        .setJti(id)
        .setIssuedAt(at)
        .setNotBefore(at)
        .setExpirationTime(at + lifeSeconds)
        .sign(privateKey);
      const expiresAt = new Date((at + lifeSeconds) * 1000);
      return { id, token, createdAt: new Date(at * 1000), expiresAt, lifeSeconds };
    },

    /** The token's id if we signed it, for this audience, and it has not expired; else undefined. */
    async verify(token: string): Promise<string | undefined> {
      const header = headerOf(token);
      if (!header) return undefined;
      // We decide algorithm, type and key, never the token. A token that carries a key or a URL of one is refused.
      const { alg, typ, kid, ...other } = header;
      if (alg !== signingAlgorithm || typ !== tokenType || Object.keys(other).length > 0) return undefined;
      const key = await keys.find(kid);
      if (!key) return undefined;
      try {
        const { payload } = await jwtVerify(token, key.publicKey, {
          algorithms: [signingAlgorithm],
          typ: tokenType,
          issuer: issuer(),
          audience,
          requiredClaims: ['exp', 'nbf', 'iat', 'sub', 'jti', 'client_id'],
          currentDate: new Date(now()),
        });
        return payload.jti;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
