import type { Network } from '@mooring/connectors/spec/network';
import { Secret } from '@mooring/connectors/spec/secret';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import { askAccount } from '../../oauth/account.js';
import { refreshGrant } from '../../oauth/refresh-grant.js';
import type { TokenSet } from '../../oauth/types.js';
import type { RedeemedSignIn } from '../sign-ins/redeemed-sign-in.js';
import type { ClientConfiguration } from './client-configuration.js';
import { rejectPastedToken } from './oauth-failures.js';

// A refresh token that was issued elsewhere, to the same client. It is stored only if it works.

/** Takes it out of the login fields, so that only the grant has it. */
export function takeRefreshToken(
  method: SignInMethod,
  login: Record<string, unknown>,
): Secret<string> | undefined {
  const field = method.oauth?.refreshTokenField;
  const token = field === undefined ? undefined : login[field];
  if (field === undefined || !(token instanceof Secret) || token.reveal() === '') return undefined;
  delete login[field];
  return token as Secret<string>;
}

/**
 * Uses the token once. The result is what to store: the provider may have rotated it.
 * @throws AppError PROVIDER-REFUSED for a dead token or a refused client, PROVIDER-FAILED if the outcome is not known
 */
export async function proveRefreshToken(input: {
  setup: ClientConfiguration;
  network: Network;
  refreshToken: Secret<string>;
  /** By the store's clock. */
  now: () => number;
  /** Revokes tokens that are not stored. */
  giveUp: (tokens: TokenSet) => Promise<void>;
}): Promise<Pick<RedeemedSignIn, 'tokens' | 'complete' | 'abandon'>> {
  const { setup, network, refreshToken, now, giveUp } = input;
  const renewed = await refreshGrant({ ...setup, network, now, refreshToken }).catch(rejectPastedToken);
  const tokens = { ...renewed, ...(await askAccount({ ...setup, network }, renewed.accessToken)) };
  return {
    tokens,
    async complete() {},
    async abandon(why) {
      // Revoke only a rotated token that was not stored, never the one that the user pasted.
      const isNew = tokens.refreshToken !== undefined && !tokens.refreshToken.equals(refreshToken);
      if (isNew && why !== 'unknown') await giveUp(tokens);
    },
  };
}
