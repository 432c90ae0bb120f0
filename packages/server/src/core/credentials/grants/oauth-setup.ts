import type { ConnectionSecrets } from '@mooring/connectors/kit/properties';
import { Secret } from '@mooring/connectors/spec/secret';
import { isInteractive, type OAuthPreset, type SignInMethod } from '@mooring/connectors/spec/sign-in';
import type { Config, OAuthClientSettings } from '../../config/config.js';
import { AppError } from '../../errors/app-error.js';
import type { Assertion } from '../../oauth/jwt-bearer-grant.js';
import type { OAuthClient } from '../../oauth/types.js';

/** Endpoints and client of one OAuth exchange. */
export interface OAuthSetup {
  preset: OAuthPreset;
  client: OAuthClient;
  /** Of a service account; the client takes no part then. */
  assertion?: Assertion;
  /** The client is registered as a native one, with redirects to the person's own machine (RFC 8252). */
  isNative?: boolean;
}

/** Who can mend what a provider does not accept. */
export function mendedBy({ preset, assertion }: OAuthSetup): string {
  if (assertion)
    return 'Look at the service account of the connection: its key, its issuer and its token URL.';
  return preset.provider === undefined
    ? 'Look at the OAuth client and the endpoints of the connection.'
    : `Ask your operator to look at the OAuth client of this server for ${preset.provider}.`;
}

export interface SetupInput {
  method: SignInMethod;
  definition: Readonly<Record<string, unknown>>;
  /** Secrets of the connection or of the request: where a connection brings its own client. */
  secrets: ConnectionSecrets;
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
      ...pointed(preset, settings),
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

/** Only for people who sign in: what a client may do by itself is nothing that everybody may have. */
const usesOperatorsClient = ({ method, definition }: SetupInput, preset: OAuthPreset): boolean =>
  isInteractive(method.oauth) &&
  preset.provider !== undefined &&
  definition[method.oauth?.clientFields?.clientId ?? ''] === undefined;

const secretText = (value: unknown): Secret<string> | undefined =>
  value instanceof Secret && typeof value.reveal() === 'string' ? value : undefined;

/** The client that the connection brings. */
function ownClient({ method, definition, secrets }: SetupInput, given: OAuthPreset): OAuthSetup {
  const fields = method.oauth?.clientFields;
  if (!fields) throw new Error(`${method.id} takes no client of a connection`);
  // The operator's key names neither this client nor the place that its redirects arrive at.
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
 * An operator's client is for one place at its provider: its secret goes nowhere else. And people trust its name when
 * they consent, so its tokens go only where the source always sends them, or where the operator said they may.
 */
function assertIsFor(
  { method, definition }: SetupInput,
  { provider, place }: OAuthPreset,
  settings: OAuthClientSettings,
): void {
  if (place !== undefined && settings.place !== place) {
    throw new AppError(
      'DCERROR-0010',
      settings.place === undefined
        ? `The OAuth client of this server for ${provider} has no place. An operator must set oauth.clients.${provider}.place in the configuration file.`
        : `The OAuth client of this server for ${provider} is for ${settings.place}. Use that place, or bring a client of your own.`,
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
      `${fields.clientId}: is required: the OAuth client of this server for ${provider} is not meant for this ${fields.tokensGoTo}. Bring a client of your own, or ask an operator to add its origin to oauth.clients.${provider}.origins.`,
    );
  }
}

/**
 * A provider that is pointed elsewhere keeps none of the preset's endpoints that were not given; one that is given by
 * issuer alone has those that the issuer publishes.
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
  // Nothing is sent when the answer itself says it; another's access token is not for the preset's own endpoint.
  const kept = account !== undefined && account.endpoint === undefined ? { ...rest, account } : rest;
  if (!isByIssuer) return { ...kept, ...given };
  const { authorizationEndpoint: _authorization, ...named } = kept;
  return { ...named, ...given, tokenEndpoint: '' };
}

/** Without pointers of the preset those of OpenID Connect Core section 5.3 are read. */
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
  { definition, login }: SetupInput,
  fields: NonNullable<NonNullable<SignInMethod['oauth']>['assertion']>,
): { assertion?: Assertion } {
  const privateKey = secretText(login?.[fields.privateKey]);
  if (!privateKey) return {};
  const keyId = fields.keyId === undefined ? undefined : login?.[fields.keyId];
  const claims = fields.claims({ ...definition, ...login });
  return { assertion: { ...claims, privateKey, ...(typeof keyId === 'string' ? { keyId } : {}) } };
}
