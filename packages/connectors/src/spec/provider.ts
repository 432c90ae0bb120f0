import type { OAuthPreset } from './sign-in.js';

/** What a connection has to say beside the provider's name: a tenant, a domain, an account. */
export interface ProviderPlace {
  title: string;
  description: string;
  /** The whole value must match; nothing that it lets through can lead to a host of somebody else's choice. */
  pattern: RegExp;
  example: string;
  default?: string;
}

/** An OAuth provider as data. What its answers and tokens are like is here and nowhere else. */
export interface ProviderManifest {
  id: string;
  name: string;
  /** The provider's own page about its OAuth flow. */
  documentation: string;
  /** What to register there, for the reference page. */
  register: string;
  place?: ProviderPlace;
  /** @param place as `place.pattern` allows it */
  preset(place: string): OAuthPreset;
  /** Where it departs from the standard, for the reference page. */
  quirks: readonly string[];
}

/** The preset with what the manifest says of itself. */
export const presetAt = (provider: ProviderManifest, place = ''): OAuthPreset => ({
  ...provider.preset(place),
  provider: provider.id,
  documentation: provider.documentation,
  ...(provider.place ? { place } : {}),
});

/** @returns what is wrong with the value that a connection gives for `place`; undefined when nothing is */
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
    : `is no ${place.title.toLowerCase()} of ${name}: it must look like ${place.example}`;
}

/** One DNS label, for what becomes a part of a provider's host name. */
export const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** A host name of at least two labels, without port, path or user. */
export const domainPattern =
  /^(?=.{4,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\.[a-z][a-z0-9-]{0,61}[a-z0-9]$/i;

/** An https issuer: host, optional port and path, nothing else. */
export const issuerPattern =
  /^https:\/\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]{1,64}){0,8}\/?$/;
