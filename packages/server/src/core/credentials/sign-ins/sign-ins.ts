import type { Secret } from '@mooring/connectors/spec/secret';
import { AppError } from '../../errors/app-error.js';
import type { SignInTable } from '../../store/tables.js';
import { beginWithRedirect } from './begin-sign-in.js';
import { pollDevice } from './device-poll.js';
import { beginOnDevice, endUnclaimed, redeemOnDevice } from './device-sign-ins.js';
import { findOnDevice } from './find-sign-in.js';
import { beginAgain } from './open-sign-in.js';
import { parkingForPastedToken } from './pasted-token.js';
import { redeemCode } from './redeem-code.js';
import type { RedeemedSignIn } from './redeemed-sign-in.js';
import type { BegunSignIn, SignInDependencies, SignInRequest } from './sign-in-request.js';

// The life of an interactive sign-in between its first and its second call. DESIGN section 5, points 1 to 4.

export interface SignIns {
  begin(request: SignInRequest): Promise<BegunSignIn>;
  /** @param pasted the code or ticket; the id of a sign-in on another device */
  redeem(request: SignInRequest, pasted: Secret<string>): Promise<RedeemedSignIn>;
  /** See {@link parkingForPastedToken}. */
  parkingForPastedToken(
    request: SignInRequest,
    fresh: Pick<RedeemedSignIn, 'abandon'>,
  ): Pick<RedeemedSignIn, 'park' | 'signInId'>;
  /** Polls the provider about a sign-in on another device, if the interval allows. */
  poll(row: SignInTable): Promise<SignInTable>;
  /** Revokes tokens that were not claimed in time. */
  endUnclaimed(): Promise<void>;
}

export function createSignIns(deps: SignInDependencies): SignIns {
  return {
    poll: (row) => pollDevice(deps, row),
    endUnclaimed: () => endUnclaimed(deps),
    parkingForPastedToken: (request, fresh) => parkingForPastedToken(deps, request, fresh),

    begin: async (request) =>
      request.device || request.method.oauth?.grant === 'device_code'
        ? beginOnDevice(deps, request)
        : beginWithRedirect(deps, request),

    async redeem(request, pasted) {
      const onDevice = await findOnDevice(deps.store, request, pasted);
      if (onDevice) return redeemOnDevice(deps, request, onDevice);
      if (request.method.oauth?.grant === 'device_code')
        throw new AppError(
          'SIGN-IN-INVALID',
          `authCode must be the signInId of a sign-in of yours for this data source. ${beginAgain}`,
        );
      return redeemCode(deps, request, pasted);
    },
  };
}
