import type { OAuthPreset } from './sign-in.js';

/** What a connection must provide besides the provider's name: a tenant, a domain, an account. */
export interface ProviderPlace {
  title: string;
  description: string;
  /** Must match the whole value. No matching value may lead to a host outside the provider's control. */
  pattern: RegExp;
  example: string;
  default?: string;
}

/** An OAuth provider as data. All its peculiarities are here and nowhere else. */
export interface ProviderManifest {
  id: string;
  name: string;
  /** The provider's own page about its OAuth flow. */
  documentation: string;
  /** What to register there, for the reference page. */
  register: string;
  place?: ProviderPlace;
  /** @param place must match `place.pattern` */
  preset(place: string): OAuthPreset;
  /** For software that users install themselves: the endpoints of a server, from the URL of its API. */
  ownServer?(api: URL): Partial<OAuthPreset>;
  /** Deviations from the standard, for the reference page. */
  quirks: readonly string[];
}

/** The preset plus the manifest's own data. */
export const presetAt = (provider: ProviderManifest, place = ''): OAuthPreset => ({
  ...provider.preset(place),
  provider: provider.id,
  documentation: provider.documentation,
  ...(provider.place ? { place } : {}),
});

/** @returns the problem with the connection's value for `place`, or undefined */
export function placeProblem(
  { name, place }: ProviderManifest,
  given: string | undefined,
): string | undefined {
  if (!place) return given === undefined ? undefined : `is not used with ${name}: leave it out`;
  const value = given ?? place.default;
  if (value === undefined) {
    return `is required with ${name}: ${place.description} For instance ${place.example}`;
  }
  return place.pattern.test(value)
    ? undefined
    : `is not a valid ${place.title.toLowerCase()} for ${name}: it must look like ${place.example}`;
}

/** One DNS label that becomes part of a provider's host name. */
export const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** A host name of at least two labels, without port, path or user. */
export const domainPattern =
  /^(?=.{4,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\.[a-z][a-z0-9-]{0,61}[a-z0-9]$/i;

/** An https issuer: host, optional port and path, nothing else. */
export const issuerPattern =
  /^https:\/\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]{1,64}){0,8}\/?$/;
