import type { ErrorTable, Meaning } from '../../interface/errors.js';
import { httpStatuses } from '../http/failures.js';

const temporarily: Meaning = {
  kind: 'protocol_error',
  message: 'BigQuery failed temporarily.',
  retryable: true,
};
const keyRejected: Meaning = {
  kind: 'auth_failed',
  message: 'Google rejected the service account key.',
  remedy: 'Check that the key and its account still exist and are enabled, or create a new key.',
};

/**
 * Reasons from https://cloud.google.com/bigquery/docs/error-messages, and those of the token endpoint (RFC 6749
 * section 5.2).
 */
export const bigQueryErrors: ErrorTable = {
  codeAt: ['code'],
  codes: {
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
    backendError: temporarily,
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
    internalError: temporarily,
    invalid: { kind: 'invalid_query', message: 'BigQuery rejected the request.' },
    invalidQuery: { kind: 'invalid_query', message: 'BigQuery rejected the query.' },
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
    invalid_client: keyRejected,
    invalid_grant: keyRejected,
    unauthorized_client: keyRejected,
  },
  statuses: httpStatuses,
  tellsAuthor: { code: 'code', message: 'words', place: 'place' },
  waitAt: 'retryAfterSeconds',
  fallback: { kind: 'protocol_error', message: 'The query failed.' },
};
