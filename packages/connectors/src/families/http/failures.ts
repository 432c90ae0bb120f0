import { ConnectorError, type Meaning } from '../../interface/errors.js';
import { abortError } from '../../kit/deadline.js';

const retryAfterMax = 3600;

/** Seconds of a Retry-After header, which has seconds or a date (RFC 9110 section 10.2.3); capped at one hour. */
export function retryAfterSeconds(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), retryAfterMax);
}

/** A response that is not 2xx, as a native error: what its translation needs, without its text. */
export class HttpFailure extends Error {
  override name = 'HttpFailure';
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  /** @param code of the source's error table */
  constructor(
    status: number,
    { code, retryAfterSeconds }: { code?: string | undefined; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(`The source answered with status ${status}.`);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const meanings: Readonly<Record<number, Meaning>> = {
  401: {
    kind: 'auth_failed',
    message: 'The source rejected the sign-in.',
    remedy: 'Check or renew the credential.',
  },
  403: {
    kind: 'permission_denied',
    message: 'The source does not allow this login to read the resource.',
    remedy: 'Grant the login access at the source, or use another login.',
  },
  404: { kind: 'not_found', message: 'The source found nothing at this address.' },
  408: { kind: 'timeout', message: 'The source timed out waiting for the request.', retryable: true },
  410: { kind: 'not_found', message: 'The resource no longer exists at the source.' },
  413: { kind: 'too_large', message: 'The request is too large for the source.' },
  429: { kind: 'rate_limited', message: 'The source’s rate limit was exceeded.', retryable: true },
  451: { kind: 'permission_denied', message: 'The source withholds the resource for legal reasons.' },
  502: { kind: 'unreachable', message: 'The gateway cannot reach the source.', retryable: true },
  503: { kind: 'unreachable', message: 'The source is temporarily unavailable.', retryable: true },
  504: { kind: 'timeout', message: 'The gateway timed out waiting for the source.', retryable: true },
};

/** What a status means for a source without more specific codes. */
export function meaningOfStatus(status: number): Meaning {
  const known = meanings[status];
  if (known) return known;
  if (status >= 500) {
    const remedy = 'Try again later. If the problem persists, contact the operator of the source.';
    return {
      kind: 'protocol_error',
      message: `The source failed with status ${status}.`,
      remedy,
      retryable: true,
    };
  }
  if (status >= 400) {
    const message = `The source rejected the request with status ${status}.`;
    return { kind: 'invalid_config', message };
  }
  return { kind: 'protocol_error', message: 'The source sent an unexpected status.' };
}

/** What HTTP says about each status, for the error table of a source. */
export const httpStatuses: Readonly<Record<number, Meaning>> = Object.fromEntries(
  Array.from({ length: 300 }, (_, index) => [300 + index, meaningOfStatus(300 + index)]),
);

/**
 * The error for a thrown value: aborts become `cancelled` or `timeout`, errors of the network and failed responses pass
 * unchanged, anything else is `protocol_error` without its text.
 */
export function failureOfThrown(
  error: unknown,
  signals: { caller: AbortSignal; deadline: AbortSignal },
): ConnectorError | HttpFailure {
  if (signals.caller.aborted) return abortError(signals.caller);
  if (signals.deadline.aborted) {
    return new ConnectorError('timeout', 'The source did not answer in time.', {
      cause: error,
      retryable: true,
    });
  }
  if (error instanceof ConnectorError || error instanceof HttpFailure) return error;
  if (error instanceof Error && error.cause instanceof ConnectorError) return error.cause;
  return new ConnectorError('protocol_error', 'The exchange with the source failed.', { cause: error });
}
