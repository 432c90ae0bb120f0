import { setTimeout as wait } from 'node:timers/promises';
import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/interface/errors';
import { AppError } from './app-error.js';
import { sourceErrorCode } from './error-answer.js';

// The oracle rule. A user who may use a connection but not edit it must not learn about the operator's network: every
// failure between Mooring and the source has the same text and code, and is reported at the same time after the
// start. A refused sign-in of their own is reported at once.

/** When browse, describe, preview and read report it, in seconds after their start. */
export const coarseUseSeconds = 3;
/** The rest of the time is for sources that are slow to close, so that their answer is not later. */
const shareForWork = 0.8;

/** Timeout of work whose failure is reported coarsely. @param seconds when it is reported */
export const coarseSeconds = (seconds: number): number => seconds * shareForWork;

/** Reported instead of the actual failure. */
export const coarseFailure = {
  message: 'The connection does not work for you now.',
  remedy: 'Ask the owner of the connection.',
  code: 'SOURCE-UNAVAILABLE',
} as const;
export const refusedSignIn = {
  code: 'SOURCE-SIGN-IN-FAILED',
  message: 'The source refused your sign-in.',
  remedy: 'Enter your credential again.',
} as const;

/** Failures that reveal only that a source of this kind answered, after a successful sign-in. */
const ofTheSource: ReadonlySet<ConnectorErrorKind> = new Set<ConnectorErrorKind>([
  'permission_denied',
  'not_found',
  'invalid_query',
  'invalid_config',
  'quota_exceeded',
  'too_large',
  'unsupported',
]);

/** The use failed, and its user must not learn how. */
export class CoarseFailure extends AppError {
  constructor(cause: unknown) {
    super(coarseFailure.code, `${coarseFailure.message} ${coarseFailure.remedy}`, { cause });
  }
}

export interface CoarseUse {
  /** Milliseconds on the monotonic clock, when the use began. */
  since: number;
  /** When a failure is reported, in seconds after that. */
  seconds: number;
  /** Aborted when the caller has disconnected. */
  left: AbortSignal;
  /** The credential belongs to the caller. */
  isOwnLogin: boolean;
  /** The source has accepted the sign-in. */
  isSignedIn: boolean;
  /** Where the caller enters their credential again. */
  bring: string;
}

/** Resolves when the failure may be reported, or when the caller disconnects. */
export async function untilInstant({
  since,
  seconds,
  left,
}: Pick<CoarseUse, 'since' | 'seconds'> & { left?: AbortSignal }) {
  const restMs = seconds * 1000 - (performance.now() - since);
  // Rejects only when the caller disconnects, and then there is no answer to send.
  if (restMs > 0) await wait(restMs, undefined, left && { signal: left }).catch(() => undefined);
}

/** The error for a user who may not edit the connection; resolves when it may be reported. */
export async function coarseError(error: unknown, use: CoarseUse): Promise<unknown> {
  if (error instanceof ConnectorError) {
    if (error.kind === 'auth_failed' && use.isOwnLogin) {
      return new AppError(sourceErrorCode(error), `${refusedSignIn.message} ${refusedSignIn.remedy}`, {
        meta: { bring: use.bring },
        cause: error,
      });
    }
    if (error.kind === 'rate_limited' || (use.isSignedIn && ofTheSource.has(error.kind))) return error;
  } else if (!(error instanceof AppError && error.code === 'SOURCE-PAUSED')) {
    return error;
  }
  await untilInstant(use);
  return new CoarseFailure(error);
}

/** The error that ends a started answer, for a user who may not edit the connection: the sign-in has succeeded. */
export const coarseErrorMidway = (error: unknown): unknown =>
  error instanceof ConnectorError && error.kind !== 'rate_limited' && !ofTheSource.has(error.kind)
    ? new CoarseFailure(error)
    : error;

/** The end of a use in the usage log. */
export interface RecordedEnd {
  result: string;
  /** The user has received output of the source. */
  hasGiven: boolean;
  isOwnLogin: boolean;
  /** Whether a failure may already be reported. */
  isReported: boolean;
}

/**
 * The end of a use in the usage log, for a user who may not edit the connection: no more, and no earlier, than the
 * use itself reports. The log does not say whether the sign-in succeeded, so it is reported as if it had not; and a
 * user who cancels a use before any output must not learn whether it had already failed.
 * @returns undefined until it may be reported
 */
export function coarseEnd({ result, hasGiven, isOwnLogin, isReported }: RecordedEnd): string | undefined {
  const isOfNetwork =
    (result === 'cancelled' && !hasGiven) ||
    (/^(SOURCE|EGRESS)-/.test(result) &&
      result !== 'SOURCE-RATE-LIMITED' &&
      !(isOwnLogin && result === refusedSignIn.code));
  if (!isOfNetwork) return result;
  return isReported ? coarseFailure.code : undefined;
}
