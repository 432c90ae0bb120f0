import { failureOf, type Meaning, meaningOfStatus } from '../../families/http/failures.js';
import { ConnectorError } from '../../interface/errors.js';
import { serverWords, withServer } from '../../kit/server-words.js';

/** Reasons from https://cloud.google.com/bigquery/docs/error-messages. */
const meanings: Readonly<Record<string, Meaning>> = {
  accessDenied: {
    kind: 'permission_denied',
    message: 'BigQuery denied access to this login.',
    remedy: 'Grant it BigQuery Data Viewer on the dataset and BigQuery Job User on the project.',
  },
  accessNotConfigured: {
    kind: 'permission_denied',
    message: 'The BigQuery API is not enabled in this project.',
    remedy: 'Enable the BigQuery API in the Google Cloud console.',
  },
  authError: { kind: 'auth_failed', message: 'BigQuery rejected the sign-in.' },
  backendError: { kind: 'protocol_error', message: 'BigQuery failed temporarily.', retryable: true },
  billingNotEnabled: {
    kind: 'permission_denied',
    message: 'Billing is not enabled for this project.',
    remedy: 'Enable billing for the project in the Google Cloud console.',
  },
  blocked: { kind: 'quota_exceeded', message: 'BigQuery temporarily blocks this project.' },
  bytesBilledLimitExceeded: {
    kind: 'quota_exceeded',
    message: 'The query would bill more bytes than maximumBytesBilled allows.',
    remedy: 'Read fewer columns or partitions, or raise maximumBytesBilled.',
  },
  insufficientPermissions: {
    kind: 'permission_denied',
    message: 'The sign-in does not cover BigQuery.',
    remedy: 'Sign in again and grant access to BigQuery.',
  },
  internalError: { kind: 'protocol_error', message: 'BigQuery failed temporarily.', retryable: true },
  invalid: { kind: 'invalid_query', message: 'BigQuery rejected the request.' },
  invalidQuery: { kind: 'invalid_query', message: 'BigQuery rejected the query' },
  invalidUser: { kind: 'auth_failed', message: 'BigQuery does not know this user.' },
  jobRateLimitExceeded: {
    kind: 'rate_limited',
    message: 'BigQuery’s limit on jobs was exceeded.',
    retryable: true,
  },
  notFound: {
    kind: 'not_found',
    message: 'The project, dataset or table does not exist, or this login cannot see it.',
  },
  quotaExceeded: { kind: 'quota_exceeded', message: 'A quota of the project is exhausted.' },
  rateLimitExceeded: {
    kind: 'rate_limited',
    message: 'BigQuery’s rate limit was exceeded.',
    retryable: true,
  },
  resourcesExceeded: {
    kind: 'quota_exceeded',
    message: 'The query needs more resources than BigQuery allows.',
  },
  responseTooLarge: { kind: 'too_large', message: 'The result is too large for BigQuery to return.' },
  stopped: { kind: 'cancelled', message: 'The query was cancelled.' },
  tableUnavailable: {
    kind: 'unreachable',
    message: 'The table is temporarily unavailable.',
    retryable: true,
  },
  timeout: { kind: 'timeout', message: 'The query took too long.', retryable: true },
};

interface NativeError {
  reason?: unknown;
  message?: unknown;
}

/** Only the position is taken from BigQuery's text: two numbers cannot leak anything else. */
function positionIn(message: unknown): string {
  const found = typeof message === 'string' ? /\[(\d{1,7}):(\d{1,7})\]/.exec(message) : null;
  return found ? ` at line ${found[1]}, column ${found[2]}.` : '.';
}

function meaningOfReason({ reason, message }: NativeError): Meaning | undefined {
  if (typeof reason !== 'string' || !Object.hasOwn(meanings, reason)) return undefined;
  const meaning = meanings[reason];
  if (reason !== 'invalidQuery' || !meaning) return meaning;
  return { ...meaning, message: `${meaning.message}${positionIn(message)}` };
}

function firstErrorIn(body: string): NativeError {
  try {
    const { error } = JSON.parse(body) as { error?: { errors?: NativeError[]; message?: unknown } };
    return error?.errors?.[0] ?? {};
  } catch {
    return {};
  }
}

/** The error for a non-2xx response of the BigQuery API. */
export function fromResponse(response: Response, body: string): ConnectorError {
  const native = firstErrorIn(body);
  const meaning = meaningOfReason(native);
  const code = meaning ? String(native.reason) : String(response.status);
  const failure = failureOf(meaning ?? meaningOfStatus(response.status), response, code);
  return withServer(failure, serverWords(failure.kind, { message: native.message, code }).server);
}

/** The error of a job that BigQuery accepted and that then failed: `status.errorResult`. */
export function fromJob(native: NativeError): ConnectorError {
  const meaning = meaningOfReason(native);
  if (!meaning) return new ConnectorError('protocol_error', 'The query failed.');
  const { kind, message, remedy, retryable } = meaning;
  return new ConnectorError(kind, message, {
    nativeCode: String(native.reason),
    retryable: retryable ?? false,
    ...(remedy === undefined ? {} : { remedy }),
    ...serverWords(kind, { message: native.message, code: native.reason }),
  });
}

/** The error for a refusal of the token endpoint (RFC 6749 section 5.2, RFC 7523 section 3.1). */
export function fromTokenResponse(response: Response): ConnectorError {
  if (response.status !== 400 && response.status !== 401) {
    return failureOf(meaningOfStatus(response.status), response, String(response.status));
  }
  return new ConnectorError('auth_failed', 'Google rejected the service account key.', {
    nativeCode: String(response.status),
    remedy: 'Check that the key and its account still exist and are enabled, or create a new key.',
  });
}
