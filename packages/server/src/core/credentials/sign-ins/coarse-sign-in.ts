import { ConnectorError } from '@mooring/connectors/interface/errors';
import { AppError } from '../../errors/app-error.js';
import { type CoarseUse, untilInstant } from '../../errors/coarse.js';
import { OAuthError, type OAuthErrorKind } from '../../oauth/oauth-error.js';

/** Decisions of a provider about the sign-in itself, for the user who signed in there. */
const ofTheSignIn: ReadonlySet<OAuthErrorKind> = new Set<OAuthErrorKind>([
  'code_refused',
  'consent_required',
  'grant_dead',
]);

const isOfProvider = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'PROVIDER-FAILED' || error.code === 'PROVIDER-REFUSED');

/**
 * As `coarseError`, for a sign-in at a provider that the owner of the connection chose, which may be any host of
 * the network. Resolves when the answer may be sent.
 */
export async function coarseSignInError(
  error: unknown,
  use: Pick<CoarseUse, 'since' | 'seconds' | 'left'>,
): Promise<unknown> {
  const isRefused = error instanceof ConnectorError && error.kind === 'egress_refused';
  if (!isRefused && !isOfProvider(error)) return error;
  if (error.cause instanceof OAuthError && ofTheSignIn.has(error.cause.kind)) return error;
  await untilInstant(use);
  return new AppError(
    'PROVIDER-FAILED',
    'The sign-in of this connection does not work now. Send the same request again in a moment, or ask the owner of the connection.',
    { cause: error },
  );
}
