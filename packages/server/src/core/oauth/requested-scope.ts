import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import type { TokenSet } from './types.js';

type Scoped = Pick<OAuthPreset, 'scopes' | 'accountScopes' | 'scopeSeparator'>;

/** Requested scopes without duplicates: the source's, then those that tell who signed in. */
const requestedScopes = ({ scopes, accountScopes = [] }: Scoped): string[] => [
  ...new Set([...scopes, ...accountScopes]),
];

/** The `scope` parameter of a request; absent without scopes (RFC 6749 section 3.3). */
export function scopeParameter(preset: Scoped): { scope?: string } {
  const scopes = requestedScopes(preset);
  return scopes.length === 0 ? {} : { scope: scopes.join(preset.scopeSeparator ?? ' ') };
}

/** A response without `scope` grants what was requested (section 5.1). */
export function withRequestedScope(preset: Scoped, tokens: TokenSet): TokenSet {
  const scopes = requestedScopes(preset);
  return scopes.length === 0 ? tokens : { scope: scopes.join(' '), ...tokens };
}
