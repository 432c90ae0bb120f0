// Where a provider says that its API is. An answer decides where a token is sent, so it is believed only within the domains
// of the provider, and checked again before each use.
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { textAt } from './account.js';
import type { TokenSet } from './types.js';

/** What a token response names; undefined if it names nothing, or the provider has one API for all users. */
export const namedApi = (
  { apiPlace }: Pick<OAuthPreset, 'apiPlace'>,
  body: Readonly<Record<string, unknown>>,
): string | undefined => (apiPlace ? textAt(body, apiPlace.at) : undefined);

/**
 * The origin of the API that the response with these tokens has named.
 * @returns `none` if it has named nothing, `foreign` if the address is not one of the provider's
 */
export function apiOriginOf(
  { apiPlace }: Pick<OAuthPreset, 'apiPlace'>,
  { apiUrl }: Pick<TokenSet, 'apiUrl'>,
): { origin: string } | 'none' | 'foreign' {
  if (!apiPlace || apiUrl === undefined) return 'none';
  if (!URL.canParse(apiUrl)) return 'foreign';
  const { origin, protocol, hostname, port, username, password } = new URL(apiUrl);
  if (username !== '' || password !== '') return 'foreign';
  if (apiPlace.origins?.includes(origin)) return { origin };
  const isOwn = apiPlace.domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`));
  return isOwn && protocol === 'https:' && port === '' ? { origin } : 'foreign';
}
