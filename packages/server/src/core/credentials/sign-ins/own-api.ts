import { AppError } from '../../errors/app-error.js';
import { apiOriginOf } from '../../oauth/api-origin.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import { beginAgain } from './open-sign-in.js';
import type { RedeemedSignIn } from './redeemed-sign-in.js';

/**
 * Gives a fresh grant up if its provider has named an address as its API that is not its own.
 * @throws AppError PROVIDER-FAILED
 */
export async function assertOwnApi(
  redeemed: Pick<RedeemedSignIn, 'tokens' | 'abandon'>,
  { preset }: Pick<ClientConfiguration, 'preset'>,
): Promise<void> {
  if (apiOriginOf(preset, redeemed.tokens) !== 'foreign') return;
  await redeemed.abandon('not_stored');
  throw new AppError(
    'PROVIDER-FAILED',
    `The identity provider named an address for its API that is not one of its own, so nothing was stored. ${beginAgain}`,
  );
}
