import type { Network } from '@mooring/connectors/spec/network';
import { Secret } from '@mooring/connectors/spec/secret';
import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import { egressRefused } from '../../egress/failure.js';
import { AppError } from '../../errors/app-error.js';
import { askAccount } from '../../oauth/account.js';
import { OAuthError } from '../../oauth/oauth-error.js';
import { refreshGrant } from '../../oauth/refresh-grant.js';
import type { TokenSet } from '../../oauth/types.js';
import type { RedeemedSignIn } from '../sign-ins/redeemed-sign-in.js';
import type { OAuthSetup } from './oauth-setup.js';

// A refresh token that was issued elsewhere, to the same client. Only one that works is kept.

/** Takes it out of the login fields, so that only the grant holds it. */
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
 * Uses the token once. What comes back is what is to be stored: the provider may have rotated it.
 * @throws AppError PROVIDER-REFUSED when it is dead or the client is refused, PROVIDER-FAILED when nobody knows
 */
export async function proveRefreshToken(input: {
  setup: OAuthSetup;
  network: Network;
  refreshToken: Secret<string>;
  /** Tells the provider of tokens that nobody holds. */
  giveUp: (tokens: TokenSet) => Promise<void>;
}): Promise<Pick<RedeemedSignIn, 'tokens' | 'complete' | 'abandon'>> {
  const { setup, network, refreshToken, giveUp } = input;
  const renewed = await refreshGrant({ ...setup, network, refreshToken }).catch(refuse);
  const tokens = { ...renewed, ...(await askAccount({ ...setup, network }, renewed.accessToken)) };
  return {
    tokens,
    async complete() {},
    async abandon(why) {
      // The person's own token is left alone; a new one that nobody holds is not.
      const isNew = tokens.refreshToken !== undefined && !tokens.refreshToken.equals(refreshToken);
      if (isNew && why !== 'unknown') await giveUp(tokens);
    },
  };
}

function refuse(error: unknown): never {
  if (!(error instanceof OAuthError)) throw error;
  if (error.kind === 'egress_refused') throw egressRefused();
  const isUnknown = ['unavailable', 'rate_limited', 'nonsense'].includes(error.kind);
  const { retryAfterSeconds } = error;
  throw new AppError(
    isUnknown ? 'PROVIDER-FAILED' : 'PROVIDER-REFUSED',
    isUnknown
      ? `refreshToken: it could not be proven, so it was not stored. ${error.message} If the provider rotates refresh tokens, this one may be used up.`
      : `refreshToken: ${error.message} Nothing was stored. Bring a token that was issued to this client, or sign in with authUrlOnly.`,
    { cause: error, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
  );
}
