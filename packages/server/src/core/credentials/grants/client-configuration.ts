import { Secret } from '@mooring/connectors/interface/secret';
import { isInteractive, type OAuthPreset, type SignInMethod } from '@mooring/connectors/interface/sign-in';
import type { ConnectionSecrets } from '@mooring/connectors/kit/properties';
import type { OAuthClientSettings } from '../../config/config.js';
import { AppError } from '../../errors/app-error.js';
import type { Assertion } from '../../oauth/jwt-bearer-grant.js';
import type { OAuthClient } from '../../oauth/types.js';
import type { OperatorsClients } from '../dependencies.js';

/** Endpoints and client of one OAuth exchange. */
export interface ClientConfiguration {
  preset: OAuthPreset;
  client: OAuthClient;
  /** Of a service account; the client is not used then. */
  assertion?: Assertion;
  /** The client is registered as a native one, with redirects to the user's machine (RFC 8252). */
  isNative?: boolean;
}

export interface ClientConfigurationInput {
  method: SignInMethod;
  definition: Readonly<Record<string, unknown>>;
  /** Secrets of the connection, stored or in the request, for a connection with its own client. */
  secrets: ConnectionSecrets;
  /** Opened fields of the credential, if the exchange needs them. */
  login?: Readonly<Record<string, unknown>>;
}

/**
 * For a sign-in method: the client of the operator's configuration, or the connection's own.
 * @throws AppError DCERROR-0010 if it is not complete; the detail says what to set
 */
export function clientConfiguration(
  input: ClientConfigurationInput,
  clients: OperatorsClients,
): ClientConfiguration {
  const { oauth } = input.method;
  if (!oauth) throw new Error(`${input.method.id} is not an OAuth sign-in`);
  const preset = oauth.preset(input.definition);
  if (oauth.assertion) return { preset, client: { clientId: '' }, ...assertionOf(input, oauth.assertion) };
  if (oauth.clientFields && !usesOperatorsClient(input, preset)) return ownClient(input, preset);
  const provider = preset.provider ?? '';
  const settings = clients[provider];
  if (!settings) {
    const orOwn = oauth.clientFields ? `${oauth.clientFields.clientId}: is required: t` : 'T';
    throw new AppError(
      'DCERROR-0010',
      `${orOwn}his server has no OAuth client for ${provider}. An operator must set oauth.clients.${provider} in the configuration file.`,
    );
  }
  assertIsFor(input, preset, settings);
  const { clientId, clientSecret, privateKey, keyId, loopbackRedirect } = settings;
  return {
    preset: {
      ...withOrigins(pointed(preset, settings), settings),
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

/** Interactive sign-ins only. Client credentials of the operator's client would give every user the operator's own access. */
const usesOperatorsClient = (
  { method, definition }: ClientConfigurationInput,
  preset: OAuthPreset,
): boolean =>
  isInteractive(method.oauth) &&
  preset.provider !== undefined &&
  definition[method.oauth?.clientFields?.clientId ?? ''] === undefined;

const secretText = (value: unknown): Secret<string> | undefined =>
  value instanceof Secret && typeof value.reveal() === 'string' ? value : undefined;

/** The client of the connection itself. */
function ownClient(
  { method, definition, secrets }: ClientConfigurationInput,
  given: OAuthPreset,
): ClientConfiguration {
  const fields = method.oauth?.clientFields;
  if (!fields) throw new Error(`${method.id} does not take a client of a connection`);
  // Provider and place name the operator's client and its redirect path, not this client's.
  const { provider: _provider, place: _place, ...preset } = given;
  const clientId = definition[fields.clientId];
  const clientSecret = secretText(secrets[fields.clientSecret]);
  if (typeof clientId !== 'string') {
    throw new AppError('DCERROR-0010', `${fields.clientId}: is required for sign-in by ${method.label}`);
  }
  const { privateKey, keyId } = fields;
  const key = privateKey === undefined ? undefined : secretText(secrets[privateKey]);
  if (preset.clientAuthentication === 'private_key_jwt' && !key) {
    throw new AppError(
      'DCERROR-0010',
      `${privateKey}: is required for client authentication by private_key_jwt`,
    );
  }
  const kid = keyId === undefined ? undefined : definition[keyId];
  const client = {
    clientId,
    ...(clientSecret ? { clientSecret } : {}),
    ...(key ? { privateKey: key } : {}),
    ...(typeof kid === 'string' ? { keyId: kid } : {}),
  };
  return { preset, client };
}

/**
 * An operator's client is for one place at its provider, and its secret goes nowhere else. Users trust its name when they
 * consent, so its tokens go only where the source always sends them, or where the operator allows it.
 */
function assertIsFor(
  { method, definition }: ClientConfigurationInput,
  { provider, place }: OAuthPreset,
  settings: OAuthClientSettings,
): void {
  if (place !== undefined && settings.place !== place) {
    throw new AppError(
      'DCERROR-0010',
      settings.place === undefined
        ? `The OAuth client of this server for ${provider} has no place. An operator must set oauth.clients.${provider}.place in the configuration file.`
        : `The OAuth client of this server for ${provider} is for ${settings.place}. Use that place, or a client of your own.`,
    );
  }
  const fields = method.oauth?.clientFields;
  if (!fields) return;
  const target = definition[fields.tokensGoTo];
  const origin = typeof target === 'string' && URL.canParse(target) ? new URL(target).origin : undefined;
  const allowed = (settings.origins ?? []).map((url) => new URL(url).origin);
  if (origin === undefined || !allowed.includes(origin)) {
    throw new AppError(
      'DCERROR-0010',
      `${fields.clientId}: is required: the OAuth client of this server for ${provider} is not meant for this ${fields.tokensGoTo}. Use a client of your own, or ask an operator to add its origin to oauth.clients.${provider}.origins.`,
    );
  }
}

/**
 * With endpoints of the operator's: if the token endpoint is given, the preset's other endpoints are dropped; if only the
 * issuer is given, the endpoints are those that it publishes.
 */
function pointed(preset: OAuthPreset, settings: OAuthClientSettings): OAuthPreset {
  const given = definedOf({
    issuer: settings.issuer,
    authorizationEndpoint: settings.authorizationEndpoint,
    tokenEndpoint: settings.tokenEndpoint,
    revocationEndpoint: settings.revocationEndpoint,
    deviceAuthorizationEndpoint: settings.deviceAuthorizationEndpoint,
    pushedAuthorizationRequestEndpoint: settings.pushedAuthorizationRequestEndpoint,
    account: accountOf(preset, settings),
  });
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
    account,
    ...rest
  } = preset;
  // An account in the token response needs no request; the preset's account endpoint must not get another provider's token.
  const kept = account !== undefined && account.endpoint === undefined ? { ...rest, account } : rest;
  if (!isByIssuer) return { ...kept, ...given };
  const { authorizationEndpoint: _authorization, ...named } = kept;
  return { ...named, ...given, tokenEndpoint: '' };
}

/** Where tokens of the operator's client may go, an answer may also say that they go. */
const withOrigins = (preset: OAuthPreset, { origins = [] }: OAuthClientSettings): OAuthPreset =>
  preset.apiPlace
    ? {
        ...preset,
        apiPlace: { ...preset.apiPlace, origins: origins.map((url) => new URL(url).origin) },
      }
    : preset;

/** If the preset has no pointers: those of OpenID Connect Core section 5.3. */
const accountOf = (
  { account }: OAuthPreset,
  { accountEndpoint }: OAuthClientSettings,
): OAuthPreset['account'] =>
  accountEndpoint === undefined
    ? undefined
    : { subject: '/sub', email: '/email', ...account, endpoint: accountEndpoint };

const definedOf = (values: { [Name in keyof OAuthPreset]?: OAuthPreset[Name] | undefined }) =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<OAuthPreset>;

function assertionOf(
  { definition, login }: ClientConfigurationInput,
  fields: NonNullable<NonNullable<SignInMethod['oauth']>['assertion']>,
): { assertion?: Assertion } {
  const privateKey = secretText(login?.[fields.privateKey]);
  if (!privateKey) return {};
  const keyId = fields.keyId === undefined ? undefined : login?.[fields.keyId];
  const claims = fields.claims({ ...definition, ...login });
  return { assertion: { ...claims, privateKey, ...(typeof keyId === 'string' ? { keyId } : {}) } };
}
