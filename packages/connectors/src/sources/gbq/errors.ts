import { failureOf, type Meaning, meaningOfStatus } from '../../families/http/failures.js';
import { serverWords, withServer } from '../../kit/server-words.js';
import { ConnectorError } from '../../spec/errors.js';

/** Reasons of https://cloud.google.com/bigquery/docs/error-messages. */
const meanings: Readonly<Record<string, Meaning>> = {
  accessDenied: {
    kind: 'permission_denied',
    message: 'BigQuery does not allow this login to do that.',
    remedy: 'Grant it BigQuery Data Viewer on the dataset and BigQuery Job User on the project.',
  },
  accessNotConfigured: {
    kind: 'permission_denied',
    message: 'The BigQuery API is not enabled in this project.',
    remedy: 'Enable the BigQuery API in the Google Cloud console.',
  },
  authError: { kind: 'auth_failed', message: 'BigQuery refuses the sign-in.' },
  backendError: { kind: 'protocol_error', message: 'BigQuery failed for now.', retryable: true },
  billingNotEnabled: {
    kind: 'permission_denied',
    message: 'Billing is not enabled for this project.',
    remedy: 'Enable billing for the project in the Google Cloud console.',
  },
  blocked: { kind: 'quota_exceeded', message: 'BigQuery blocks this project for now.' },
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
  internalError: { kind: 'protocol_error', message: 'BigQuery failed for now.', retryable: true },
  invalid: { kind: 'invalid_query', message: 'BigQuery does not accept the request.' },
  invalidQuery: { kind: 'invalid_query', message: 'BigQuery does not accept the query' },
  invalidUser: { kind: 'auth_failed', message: 'BigQuery does not know this user.' },
  jobRateLimitExceeded: { kind: 'rate_limited', message: 'BigQuery asks for fewer jobs.', retryable: true },
  notFound: { kind: 'not_found', message: 'BigQuery has no such project, dataset or table for this login.' },
  quotaExceeded: { kind: 'quota_exceeded', message: 'A quota of the project is used up.' },
  rateLimitExceeded: { kind: 'rate_limited', message: 'BigQuery asks for fewer requests.', retryable: true },
  resourcesExceeded: {
    kind: 'quota_exceeded',
    message: 'The query needs more resources than BigQuery gives.',
  },
  responseTooLarge: { kind: 'too_large', message: 'The result is larger than BigQuery returns.' },
  stopped: { kind: 'cancelled', message: 'The query was cancelled.' },
  tableUnavailable: { kind: 'unreachable', message: 'The table is out of service for now.', retryable: true },
  timeout: { kind: 'timeout', message: 'The query took too long.', retryable: true },
};

interface NativeError {
  reason?: unknown;
  message?: unknown;
}

/** Of BigQuery's text only the position is taken over: two numbers cannot carry anything else. */
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

/** The error that a response of the BigQuery API outside 2xx means. */
export function fromResponse(response: Response, body: string): ConnectorError {
  const native = firstErrorIn(body);
  const meaning = meaningOfReason(native);
  const code = meaning ? String(native.reason) : String(response.status);
  const failure = failureOf(meaning ?? meaningOfStatus(response.status), response, code);
  return withServer(failure, serverWords(failure.kind, { message: native.message, code }).server);
}

/** The error of a job that BigQuery accepted and then failed: `status.errorResult`. */
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

/** The error that a refusal of the token endpoint means (RFC 6749 section 5.2, RFC 7523 section 3.1). */
export function fromTokenResponse(response: Response): ConnectorError {
  if (response.status !== 400 && response.status !== 401) {
    return failureOf(meaningOfStatus(response.status), response, String(response.status));
  }
  return new ConnectorError('auth_failed', 'Google refuses the key of the service account.', {
    nativeCode: String(response.status),
    remedy: 'Check that the key and its account still exist and are enabled, or create a new key.',
  });
}
