import { presetAt } from '../../interface/provider.js';
import type { AssertionClaims, OAuthPreset, OAuthSignIn } from '../../interface/sign-in.js';
import { findProvider } from '../../providers/registry.js';

// OAuth exchanges that are described by the properties of a connection.

/** Non-empty text. */
export const textOf = (properties: Readonly<Record<string, unknown>>, name: string): string | undefined => {
  const value = properties[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** What only the provider's sign-in page needs is dropped for a program, which requests only its own scopes. */
export function presetOf(
  grant: OAuthSignIn['grant'],
  properties: Readonly<Record<string, unknown>>,
): OAuthPreset {
  const text = (name: string) => textOf(properties, name);
  const authentication = properties['clientAuthentication'] as
    | OAuthPreset['clientAuthentication']
    | undefined;
  const scopes = (text('scope') ?? '').split(' ').filter((scope) => scope !== '');
  const given = (values: Record<string, unknown>): Partial<OAuthPreset> =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const target = given({ resource: text('resource'), audience: text('audience') });
  const provider = findProvider(properties['oauthProvider']);
  if (provider) {
    const preset = presetAt(provider, text('oauthProviderPlace') ?? provider.place?.default);
    const isForUser = grant === 'authorization_code' || grant === 'device_code';
    return {
      ...preset,
      scopes: isForUser ? [...new Set([...preset.scopes, ...scopes])] : scopes,
      ...given({ clientAuthentication: authentication }),
      ...target,
    };
  }
  return {
    tokenEndpoint: text('tokenUrl') ?? '',
    scopes,
    clientAuthentication: authentication ?? 'client_secret_basic',
    ...given({
      authorizationEndpoint: text('authorizationUrl'),
      revocationEndpoint: text('revocationUrl'),
      issuer: text('issuer'),
      deviceAuthorizationEndpoint: text('deviceAuthorizationUrl'),
      pushedAuthorizationRequestEndpoint: text('pushedAuthorizationUrl'),
    }),
    ...target,
  };
}

/** The URL of a connection is at the provider's sign-in page, and the API of each user is where a token response says. */
export const isApiElsewhere = ({ apiPlace, authorizationEndpoint }: OAuthPreset, url: string): boolean =>
  apiPlace !== undefined &&
  authorizationEndpoint !== undefined &&
  new URL(url).origin === new URL(authorizationEndpoint).origin;

/** OAuth sign-in whose client and provider are properties of the connection. */
export const oauth = (grant: OAuthSignIn['grant']): OAuthSignIn => ({
  grant,
  preset: (properties) => presetOf(grant, properties),
  clientFields: {
    clientId: 'clientId',
    clientSecret: 'clientSecret',
    privateKey: 'clientPrivateKey',
    keyId: 'clientKeyId',
    tokensGoTo: 'url',
  },
  select: (provider, place) =>
    findProvider(provider) && {
      oauthProvider: provider,
      ...(place === undefined ? {} : { oauthProviderPlace: place }),
    },
});

/** Claims of a service account's assertion, from its properties. */
export function assertionClaims(properties: Readonly<Record<string, unknown>>): AssertionClaims {
  const { assertionIssuer, assertionSubject, assertionAudience } = properties;
  return {
    issuer: String(assertionIssuer),
    ...(typeof assertionSubject === 'string' ? { subject: assertionSubject } : {}),
    ...(typeof assertionAudience === 'string' ? { audience: assertionAudience } : {}),
  };
}
