import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { importSPKI, jwtVerify } from 'jose';
import { knowSecret } from '../known-secrets.js';

/** The fields of a Google service-account key file. */
export interface ServiceAccountKey {
  type: 'service_account';
  project_id: string;
  private_key_id: string;
  /** PKCS#8 PEM, RSA 2048. */
  private_key: string;
  client_email: string;
  client_id: string;
  auth_uri: string;
  token_uri: string;
  universe_domain: string;
}

interface IssuedToken {
  sub: string;
  scope: string;
  expiresAt: number;
}

const tokenSeconds = 3600;
/** The audience that Google's own libraries always sign for, whatever `token_uri` says. */
const googleAudience = 'https://oauth2.googleapis.com/token';

/** @returns the scope asked for, or undefined when the assertion is not good. */
async function verifyAssertion(
  assertion: string,
  key: ServiceAccountKey,
  publicKey: string,
): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(assertion, await importSPKI(publicKey, 'RS256'), {
      algorithms: ['RS256'],
      issuer: key.client_email,
      audience: [key.token_uri, googleAudience],
      maxTokenAge: tokenSeconds,
      requiredClaims: ['exp', 'iat', 'scope'],
    });
    return String(payload['scope']);
  } catch {
    return undefined;
  }
}

/**
 * One service account and its token endpoint (RFC 7523 section 2.1).
 * Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 * @param url Base URL of the stand-in; the endpoint is `/token` below it.
 */
export function createServiceAccount(url: string, projectId: string) {
  const tokens = new Map<string, IssuedToken>();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const key: ServiceAccountKey = {
    type: 'service_account',
    project_id: projectId,
    private_key_id: randomBytes(20).toString('hex'),
    private_key: knowSecret('BigQuery private key', privateKey),
    client_email: `robot@${projectId}.iam.gserviceaccount.com`,
    client_id: randomUUID(),
    auth_uri: `${url}/auth`,
    token_uri: `${url}/token`,
    universe_domain: 'googleapis.com',
  };

  /** Answers status and JSON body of one token call. */
  async function exchange(form: URLSearchParams): Promise<{ status: number; body: Record<string, unknown> }> {
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
      return {
        status: 400,
        body: { error: 'unsupported_grant_type', error_description: 'Invalid grant_type' },
      };
    }
    const scope = await verifyAssertion(form.get('assertion') ?? '', key, publicKey);
    if (scope === undefined) {
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
    }
    const token = knowSecret('BigQuery access token', `ya29.lab.${randomBytes(24).toString('base64url')}`);
    tokens.set(token, { sub: key.client_email, scope, expiresAt: Date.now() + tokenSeconds * 1000 });
    return { status: 200, body: { access_token: token, expires_in: tokenSeconds - 1, token_type: 'Bearer' } };
  }

  function verify(token: string): { sub: string; scope: string } | undefined {
    const issued = tokens.get(token);
    return issued !== undefined && issued.expiresAt > Date.now() ? issued : undefined;
  }

  return { key, exchange, verify };
}
