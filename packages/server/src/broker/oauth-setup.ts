import type { OAuthPreset, SignInMethod } from '@mooring/connectors/spec/sign-in';
import type { Config } from '../config.js';
import { AppError } from '../http/app-error.js';
import type { Assertion } from '../oauth/jwt-bearer-grant.js';
import type { OAuthClient } from '../oauth/types.js';

/** Endpoints and client of one OAuth exchange. */
export interface OAuthSetup {
  preset: OAuthPreset;
  client: OAuthClient;
  /** Of a service account; the client takes no part then. */
  assertion?: Assertion;
  /** The client is registered as a native one, with redirects to the person's own machine (RFC 8252). */
  isNative?: boolean;
}

export interface SetupInput {
  method: SignInMethod;
  definition: Readonly<Record<string, unknown>>;
  /** Secrets of the connection or of the request: where a connection brings its own client. */
  secrets: Readonly<Record<string, unknown>>;
  /** Opened fields of the credential, where the exchange is made with them. */
  login?: Readonly<Record<string, unknown>>;
}

/**
 * The exchange that a sign-in method asks for: a client of the operator's configuration, or the connection's own.
 * @throws AppError when neither is complete; the detail says what to set.
 */
export function oauthSetup(input: SetupInput, clients: Config['oauth']['clients']): OAuthSetup {
  const { oauth } = input.method;
  if (!oauth) throw new Error(`${input.method.id} is no OAuth sign-in`);
  const preset = oauth.preset(input.definition);
  if (oauth.assertion) return { preset, client: { clientId: '' }, ...assertionOf(input, oauth.assertion) };
  if (oauth.clientFields) {
    const clientId = input.definition[oauth.clientFields.clientId];
    const clientSecret = input.secrets[oauth.clientFields.clientSecret];
    if (typeof clientId !== 'string') {
      throw new AppError(
        'DCERROR-0010',
        `${oauth.clientFields.clientId}: is required for sign-in by ${input.method.label}`,
      );
    }
    const { privateKey, keyId } = oauth.clientFields;
    const key = privateKey === undefined ? undefined : input.secrets[privateKey];
    if (preset.clientAuthentication === 'private_key_jwt' && typeof key !== 'string') {
      throw new AppError(
        'DCERROR-0010',
        `${privateKey}: is required for client authentication by private_key_jwt`,
      );
    }
    const kid = keyId === undefined ? undefined : input.definition[keyId];
    const client = {
      clientId,
      ...(typeof clientSecret === 'string' ? { clientSecret } : {}),
      ...(typeof key === 'string' ? { privateKey: key } : {}),
      ...(typeof kid === 'string' ? { keyId: kid } : {}),
    };
    return { preset, client };
  }
  const provider = preset.provider ?? '';
  const settings = clients[provider];
  if (!settings) {
    throw new AppError(
      'DCERROR-0010',
      `This server has no OAuth client for ${provider}. An operator must set oauth.clients.${provider} in the configuration file.`,
    );
  }
  const { clientId, clientSecret, privateKey, keyId, loopbackRedirect, ...endpoints } = settings;
  const given = Object.fromEntries(Object.entries(endpoints).filter(([, value]) => value !== undefined));
  return {
    preset: {
      ...pointed(preset, given),
      ...(privateKey && !clientSecret ? { clientAuthentication: 'private_key_jwt' as const } : {}),
    },
    client: {
      clientId,
      ...(clientSecret ? { clientSecret } : {}),
      ...(privateKey ? { privateKey } : {}),
      ...(keyId ? { keyId } : {}),
    },
    ...(loopbackRedirect ? { isNative: true } : {}),
  };
}

/**
 * A provider that is pointed elsewhere keeps none of the preset's endpoints that were not given; one that is given by
 * issuer alone has those that the issuer publishes.
 */
function pointed(preset: OAuthPreset, given: Partial<OAuthPreset>): OAuthPreset {
  const isByIssuer =
    given.issuer !== undefined &&
    given.tokenEndpoint === undefined &&
    given.authorizationEndpoint === undefined;
  if (given.tokenEndpoint === undefined && !isByIssuer) return { ...preset, ...given };
  const {
    revocationEndpoint: _revocation,
    deviceAuthorizationEndpoint: _device,
    pushedAuthorizationRequestEndpoint: _pushed,
    issuer: _issuer,
    ...rest
  } = preset;
  if (!isByIssuer) return { ...rest, ...given };
  const { authorizationEndpoint: _authorization, ...named } = rest;
  return { ...named, ...given, tokenEndpoint: '' };
}

function assertionOf(
  { definition, login }: SetupInput,
  fields: NonNullable<NonNullable<SignInMethod['oauth']>['assertion']>,
): { assertion?: Assertion } {
  const privateKey = login?.[fields.privateKey];
  if (typeof privateKey !== 'string') return {};
  const keyId = fields.keyId === undefined ? undefined : login?.[fields.keyId];
  const claims = fields.claims({ ...definition, ...login });
  return { assertion: { ...claims, privateKey, ...(typeof keyId === 'string' ? { keyId } : {}) } };
}
