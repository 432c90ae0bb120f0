import { AppError } from '../../errors/app-error.js';
import type { Queryable } from '../../store/queryable.js';
import type { SignInTable } from '../../store/tables.js';
import { endSignIn } from './sign-in-store.js';

export const beginAgain = 'Begin again with authUrlOnly.';

/** The answer to a sign-in by an account that is not known to be the one before. */
export function accountDiffers(
  signInId: string,
  accounts: { remembered?: string; signedIn?: string } = {},
): AppError {
  return new AppError(
    'SIGN-IN-ACCOUNT-DIFFERS',
    'The account that has signed in is not known to be the one this credential had. Nothing was changed: choose what to do.',
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

/**
 * A sign-in can be completed only while it is open, and only with what it was begun with.
 * @throws AppError that says which of it is not so
 */
export async function assertOpen(
  db: Queryable,
  row: SignInTable,
  request: { destination: string; method: { id: string } },
  now: Date,
): Promise<void> {
  if (row.status === 'redeeming') {
    throw new AppError(
      'SIGN-IN-IN-PROGRESS',
      'Another request is completing this sign-in. Look at the sign-in for its result.',
    );
  }
  if (row.status === 'needs_choice') throw accountDiffers(row.id);
  if (row.status === 'completed')
    throw new AppError('SIGN-IN-INVALID', `This code was used already. ${beginAgain}`);
  if (row.status === 'failed')
    throw new AppError('SIGN-IN-INVALID', `This sign-in has failed. ${beginAgain}`);
  if (row.status === 'expired' || row.expires_at <= now.toISOString()) {
    // Tokens of another device that are parked with it are revoked by the round that ends them.
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
