import { setTimeout as wait } from 'node:timers/promises';
import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/spec/errors';
import { AppError } from './app-error.js';
import { sourceErrorCode } from './error-answer.js';

// The oracle rule. Whoever may use a connection and not edit it learns nothing about the operator's network: whatever
// lies between Mooring and the source, a failure has one text and one code, and is told at one instant after the start.
// That their own sign-in was refused is for them, at once.

/** When browse, preview and read tell it, in seconds after they began. */
export const coarseUseSeconds = 3;
/** What is left of the time is for sources that are slow to let go, so that their answer is not the later one. */
const shareForWork = 0.8;

/** How long that may run which is told coarsely. @param seconds when it is told */
export const coarseSeconds = (seconds: number): number => seconds * shareForWork;

/** What is told instead of a failure. */
export const coarseFailure = {
  message: 'The connection does not work for you now.',
  remedy: 'Ask the owner of the connection.',
  code: 'SOURCE-UNAVAILABLE',
} as const;
export const refusedSignIn = {
  code: 'SOURCE-SIGN-IN-FAILED',
  message: 'The source refused your sign-in.',
  remedy: 'Bring your credential again.',
} as const;

/** Failures that do not say more than that a source of this kind answered, once it has let its user in. */
const ofTheSource: ReadonlySet<ConnectorErrorKind> = new Set<ConnectorErrorKind>([
  'permission_denied',
  'not_found',
  'invalid_query',
  'invalid_config',
  'quota_exceeded',
  'too_large',
  'unsupported',
]);

/** The use failed, and its user may not know how. */
export class CoarseFailure extends AppError {
  constructor(cause: unknown) {
    super(coarseFailure.code, `${coarseFailure.message} ${coarseFailure.remedy}`, { cause });
  }
}

export interface CoarseUse {
  /** Milliseconds on the monotonic clock, when the use began. */
  since: number;
  /** When a failure is told, in seconds after that. */
  seconds: number;
  /** The caller is gone and nobody waits any more. */
  left: AbortSignal;
  /** The credential that was used is the caller's own. */
  isOwnLogin: boolean;
  /** The source has let its user in. */
  isSignedIn: boolean;
  /** Where the caller brings their credential again. */
  bring: string;
}

/** Resolves at the one instant, or when the caller leaves, where that is known. */
export async function untilInstant({
  since,
  seconds,
  left,
}: Pick<CoarseUse, 'since' | 'seconds'> & { left?: AbortSignal }) {
  const restMs = seconds * 1000 - (performance.now() - since);
  // Rejects only when the caller leaves, and then the answer goes nowhere.
  if (restMs > 0) await wait(restMs, undefined, left && { signal: left }).catch(() => undefined);
}

/** The error that is told to somebody who may not edit the connection; resolves when it may be told. */
export async function errorToldCoarsely(error: unknown, use: CoarseUse): Promise<unknown> {
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

/** The error that ends an answer midway, to somebody who may not edit the connection: the source has let them in. */
export const errorToldMidway = (error: unknown): unknown =>
  error instanceof ConnectorError && error.kind !== 'rate_limited' && !ofTheSource.has(error.kind)
    ? new CoarseFailure(error)
    : error;

/** How a use ended, as the record has it. */
export interface RecordedEnd {
  result: string;
  /** The source has given something, which its user has. */
  hasGiven: boolean;
  isOwnLogin: boolean;
  /** Whether the instant at which a failure is told has passed. */
  isTold: boolean;
}

/**
 * How a use ended, to whoever may not edit the connection and reads it in the record: no more, and no earlier, than the
 * use itself tells. Whether the source had let its user in is not kept there, so it is told as if it had not; and who
 * leaves a use that gave nothing must not read whether it had failed by then.
 * @returns undefined until it may be told
 */
export function endToldCoarsely({ result, hasGiven, isOwnLogin, isTold }: RecordedEnd): string | undefined {
  const isOfNetwork =
    (result === 'cancelled' && !hasGiven) ||
    (/^(SOURCE|EGRESS)-/.test(result) &&
      result !== 'SOURCE-RATE-LIMITED' &&
      !(isOwnLogin && result === refusedSignIn.code));
  if (!isOfNetwork) return result;
  return isTold ? coarseFailure.code : undefined;
}
