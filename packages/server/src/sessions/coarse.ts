import { setTimeout as wait } from 'node:timers/promises';
import { ConnectorError, type ConnectorErrorKind } from '@mooring/connectors/spec/errors';
import { AppError } from '../http/app-error.js';
import { sourceErrorCode } from '../http/error-reply.js';
import { OAuthError, type OAuthErrorKind } from '../oauth/oauth-error.js';
import type { Stage, TestAnswer } from './staged-test.js';

// The oracle rule. Whoever may use a connection and not edit it learns nothing about the operator's network: whatever
// lies between Mooring and the source, a failure has one text and one code, and is told at one instant after the start.
// That their own sign-in was refused is for them, at once.

/** When browse, preview and read tell it, in seconds after they began. */
export const coarseUseSeconds = 3;
/** What is left of the time is for sources that are slow to let go, so that their answer is not the later one. */
const shareForWork = 0.8;

/** How long that may run which is told coarsely. @param seconds when it is told */
export const coarseSeconds = (seconds: number): number => seconds * shareForWork;

const message = 'The connection does not work for you now.';
const remedy = 'Ask the owner of the connection.';
const code = 'SOURCE-UNAVAILABLE';
const refused = 'SOURCE-SIGN-IN-FAILED';
const refusedMessage = 'The source refused your sign-in.';
const refusedRemedy = 'Bring your credential again.';

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
    super(code, `${message} ${remedy}`, { cause });
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
      return new AppError(sourceErrorCode(error), `${refusedMessage} ${refusedRemedy}`, {
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

/** What a provider says of the sign-in itself, and to whoever has signed in there. */
const ofTheSignIn: ReadonlySet<OAuthErrorKind> = new Set<OAuthErrorKind>([
  'code_refused',
  'consent_required',
  'grant_dead',
]);

const isOfProvider = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'PROVIDER-FAILED' || error.code === 'PROVIDER-REFUSED');

/**
 * The same for a sign-in at a provider that the owner of the connection has chosen, and which may be any host of the
 * network; resolves when it may be told.
 */
export async function signInErrorToldCoarsely(
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
      !(isOwnLogin && result === refused));
  if (!isOfNetwork) return result;
  return isTold ? code : undefined;
}

const works: Stage = { name: 'connection', ok: true };
const fails: Stage = { name: 'connection', ok: false, code, message, remedy };
const refuses: Stage = {
  name: 'signIn',
  ok: false,
  code: refused,
  message: refusedMessage,
  remedy: refusedRemedy,
};

/** What a test that failed with a `CoarseFailure` says. */
export const coarseTestFailure = (): TestAnswer => ({ ok: false, stages: [fails] });

export const isRefusedSignIn = ({ stages }: TestAnswer): boolean => stages.at(-1)?.code === refused;

/** What a test says to people who may not edit the connection. A connection that works says so at once. */
export async function testToldCoarsely(
  answer: TestAnswer,
  use: Pick<CoarseUse, 'since' | 'seconds' | 'left' | 'isOwnLogin'>,
): Promise<TestAnswer> {
  if (answer.ok) return { ok: true, stages: [works] };
  if (use.isOwnLogin && isRefusedSignIn(answer)) return { ok: false, stages: [refuses] };
  await untilInstant(use);
  return coarseTestFailure();
}
