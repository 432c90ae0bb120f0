import { abortError } from '../../kit/deadline.js';
import { ConnectorError, type ConnectorErrorKind } from '../../spec/errors.js';

const retryAfterMax = 3600;

/** Seconds of a Retry-After header, which has seconds or a date (RFC 9110 section 10.2.3); capped at an hour. */
export function retryAfterSeconds(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), retryAfterMax);
}

/** What a failed request means, in words that hold nothing the source sent. */
export interface Meaning {
  kind: ConnectorErrorKind;
  message: string;
  remedy?: string;
  retryable?: boolean;
}

const meanings: Readonly<Record<number, Meaning>> = {
  401: {
    kind: 'auth_failed',
    message: 'The source refuses the sign-in.',
    remedy: 'Check or renew the credential.',
  },
  403: {
    kind: 'permission_denied',
    message: 'The source does not allow this login to read that.',
    remedy: 'Have the right given to the login at the source, or use another one.',
  },
  404: { kind: 'not_found', message: 'The source has nothing there.' },
  408: { kind: 'timeout', message: 'The source gave up waiting.', retryable: true },
  410: { kind: 'not_found', message: 'What was asked for is gone from the source.' },
  413: { kind: 'too_large', message: 'The source finds the request too large.' },
  429: { kind: 'rate_limited', message: 'The source asks for fewer requests.', retryable: true },
  502: { kind: 'unreachable', message: 'The gateway of the source does not reach it.', retryable: true },
  503: { kind: 'unreachable', message: 'The source is out of service for now.', retryable: true },
  504: { kind: 'timeout', message: 'The gateway of the source gave up waiting.', retryable: true },
};

/** What a status means where the source has no finer code of its own. */
export function meaningOfStatus(status: number): Meaning {
  const known = meanings[status];
  if (known) return known;
  if (status >= 500) {
    const remedy = 'Try again later; if it stays so, those who run the source have to look.';
    return {
      kind: 'protocol_error',
      message: `The source failed and answered with status ${status}.`,
      remedy,
      retryable: true,
    };
  }
  if (status >= 400) {
    const message = `The source does not accept the request and answered with status ${status}.`;
    return { kind: 'invalid_config', message };
  }
  return { kind: 'protocol_error', message: 'The source sent an unexpected status.' };
}

/** The error for a failed response; a 503 that says when to come back counts as `rate_limited`. */
export function failureOf(meaning: Meaning, response: Response, nativeCode: string): ConnectorError {
  const retryAfter = retryAfterSeconds(response.headers.get('retry-after'));
  const isLimited = response.status === 503 && retryAfter !== undefined;
  return new ConnectorError(isLimited ? 'rate_limited' : meaning.kind, meaning.message, {
    nativeCode,
    retryable: meaning.retryable ?? false,
    ...(meaning.remedy === undefined ? {} : { remedy: meaning.remedy }),
    ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
  });
}

/**
 * The error that a thrown value means: aborts become `cancelled` or `timeout`, the network's own errors pass,
 * anything else is `protocol_error` without its text.
 */
export function failureOfThrown(
  error: unknown,
  signals: { caller: AbortSignal; deadline: AbortSignal },
): ConnectorError {
  if (signals.caller.aborted) return abortError(signals.caller);
  if (signals.deadline.aborted) {
    return new ConnectorError('timeout', 'The source did not answer in time.', {
      cause: error,
      retryable: true,
    });
  }
  if (error instanceof ConnectorError) return error;
  if (error instanceof Error && error.cause instanceof ConnectorError) return error.cause;
  return new ConnectorError('protocol_error', 'The exchange with the source failed.', { cause: error });
}
