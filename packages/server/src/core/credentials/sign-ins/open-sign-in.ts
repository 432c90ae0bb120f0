import { AppError } from '../../errors/app-error.js';
import type { Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import { endSignIn } from './sign-in-store.js';

export const beginAgain = 'Begin again with authUrlOnly.';

/** The account that signed in is not known to be the one before. */
export function accountDiffers(
  signInId: string,
  accounts: { remembered?: string; signedIn?: string } = {},
): AppError {
  return new AppError(
    'SIGN-IN-ACCOUNT-DIFFERS',
    'The account that signed in is not known to be the one that this credential uses. Nothing was changed: choose what to do.',
    {
      meta: {
        signInId,
        ...accounts,
        choices: ['replace', 'add', 'cancel'],
        choose: `/api/v1/sign-ins/${signInId}/actions/choose`,
      },
    },
  );
}

export const redeemedElsewhere = (): AppError =>
  new AppError(
    'SIGN-IN-IN-PROGRESS',
    'Another request is completing this sign-in. Look at the sign-in for its result.',
  );

/**
 * A sign-in can be completed only while it is open, and only for the destination and method it was begun with.
 * @throws AppError SIGN-IN-INVALID, SIGN-IN-IN-PROGRESS, SIGN-IN-ACCOUNT-DIFFERS
 */
export async function assertOpen(
  { db, clock }: Pick<Store, 'db' | 'clock'>,
  row: SignInTable,
  request: { destination: string; method: { id: string } },
): Promise<void> {
  if (row.status === 'redeeming') throw redeemedElsewhere();
  if (row.status === 'needs_choice') throw accountDiffers(row.id);
  if (row.status === 'completed')
    throw new AppError('SIGN-IN-INVALID', `This code has already been used. ${beginAgain}`);
  if (row.status === 'failed')
    throw new AppError('SIGN-IN-INVALID', `This sign-in has failed. ${beginAgain}`);
  if (row.status === 'expired' || row.expires_at <= clock.iso()) {
    // Parked tokens of another device are revoked by `endUnclaimed`.
    if (row.device_next_at === null || row.status !== 'arrived') await endSignIn(db, row, 'expired');
    throw new AppError('SIGN-IN-INVALID', `This sign-in has expired. ${beginAgain}`);
  }
  if (row.destination !== request.destination || row.sign_in !== request.method.id) {
    throw new AppError(
      'SIGN-IN-INVALID',
      `The connection's properties differ from those the sign-in was begun with. ${beginAgain}`,
    );
  }
}
