/**
 * Every error that the API can return: stable code, HTTP status, title and meaning. A closed list: the server throws
 * by code, and status and title are looked up here. Qlik's published codes are kept where they exist (`DCERROR-0010`,
 * `DCAAS-2001`, `HTTP-429`).
 *
 * A 5xx means that Mooring itself failed or did not start the work. A source that failed, refused or timed out is a
 * 424, so that clients do not retry Mooring for a source's outage.
 */
export const errorTable = {
  'DCERROR-0010': {
    status: 400,
    title: 'Bad or invalid request',
    meaning: 'A field, parameter or property is missing, unknown or not valid. `detail` names it.',
  },
  'SIGN-IN-INVALID': {
    status: 400,
    title: 'Sign-in code not valid',
    meaning:
      'The code does not match a pending sign-in of the caller: it is wrong or already used, or the sign-in has expired or failed. Start the sign-in again.',
  },
  'AUTHENTICATION-REQUIRED': {
    status: 401,
    title: 'Authentication required',
    meaning: 'The API key or access token is missing, unknown, expired or revoked.',
  },
  'ACCESS-DENIED': {
    status: 403,
    title: 'Access denied',
    meaning: 'The caller is authenticated but lacks the role that this operation requires.',
  },
  'CREDENTIALS-REQUIRED': {
    status: 403,
    title: 'Credentials required',
    meaning:
      'The caller has no usable credential for this connection. `meta` says why, and where to provide one.',
  },
  'EGRESS-REFUSED': {
    status: 403,
    title: 'Destination not allowed',
    meaning: "The operator's network policy blocks this destination.",
  },
  'QUOTA-EXCEEDED': {
    status: 403,
    title: 'Quota exceeded',
    meaning: 'The user or the space has reached a quota of the operator. `detail` names the setting.',
  },
  'SOURCE-SIGN-IN-FAILED': {
    status: 403,
    title: 'The source refused the sign-in',
    meaning: 'The source rejected the credential.',
  },
  'SOURCE-PERMISSION-DENIED': {
    status: 403,
    title: 'The source denied permission',
    meaning: 'The credential is valid but lacks a permission at the source.',
  },
  'NOT-FOUND': {
    status: 404,
    title: 'Not found',
    meaning: 'The resource does not exist, or the caller may not see it.',
  },
  'DCAAS-2001': {
    status: 404,
    title: 'Data source is not enabled',
    meaning: 'The data source does not exist on this server, or an administrator has disabled it.',
  },
  'SOURCE-NOT-FOUND': {
    status: 404,
    title: 'Not found at the source',
    meaning: 'The path or object does not exist at the source.',
  },
  'METHOD-NOT-ALLOWED': {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path does not support this HTTP method.',
  },
  'NOT-ACCEPTABLE': {
    status: 406,
    title: 'Not acceptable',
    meaning: 'The operation offers none of the media types in `Accept`.',
  },
  CONFLICT: {
    status: 409,
    title: 'Conflict with the current state',
    meaning:
      'The name or id is taken, or another resource prevents the change. `detail` says which, and what to do first.',
  },
  'IDEMPOTENCY-IN-PROGRESS': {
    status: 409,
    title: 'The first request is still running',
    meaning: 'A request with the same `Idempotency-Key` is still running. Try again in a moment.',
  },
  'IDEMPOTENCY-OUTCOME-UNKNOWN': {
    status: 409,
    title: 'Outcome of the first request unknown',
    meaning:
      'A request with the same `Idempotency-Key` was interrupted. Check whether it took effect before you repeat it with a new key.',
  },
  'SIGN-IN-ACCOUNT-DIFFERS': {
    status: 409,
    title: 'Signed in with another account',
    meaning:
      'You signed in with a different account than the one this credential uses, or the provider does not name the account. Nothing was changed. `meta.choose` is where to replace the old account, add a second credential, or cancel.',
  },
  'SIGN-IN-IN-PROGRESS': {
    status: 409,
    title: 'Sign-in in progress',
    meaning:
      'Another request is completing this sign-in, or the user has not finished at the provider. Try again in a moment.',
  },
  'PRECONDITION-FAILED': {
    status: 412,
    title: 'Precondition failed',
    meaning: 'The resource has changed since the `ETag` in `If-Match`. Read it again and repeat the change.',
  },
  'REQUEST-TIMEOUT': {
    status: 408,
    title: 'Request too slow',
    meaning: 'Headers or body did not arrive within `limits.requestSeconds`. The connection is closed.',
  },
  'BODY-TOO-LARGE': {
    status: 413,
    title: 'Request body too large',
    meaning: 'The request body exceeds the size limit.',
  },
  'UNSUPPORTED-MEDIA-TYPE': {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The body must be JSON.',
  },
  'IDEMPOTENCY-KEY-REUSED': {
    status: 422,
    title: 'Idempotency key reused',
    meaning: 'This `Idempotency-Key` was used for a different request. Use a new key.',
  },
  'SOURCE-QUERY-INVALID': {
    status: 422,
    title: 'The source refused the query',
    meaning: 'The source could not run the query, or does not have one of the columns.',
  },
  'SOURCE-CONFIGURATION-INVALID': {
    status: 422,
    title: 'Connection settings not valid',
    meaning: "The connection's properties contradict each other. `detail` says which.",
  },
  'SOURCE-UNSUPPORTED': {
    status: 422,
    title: 'Not supported by the source',
    meaning: 'This source does not support the operation.',
  },
  'SOURCE-TOO-LARGE': {
    status: 422,
    title: 'Too large',
    meaning: 'A value, response or file from the source exceeds a limit.',
  },
  'SOURCE-UNAVAILABLE': {
    status: 424,
    title: 'The connection does not work',
    meaning:
      'The one answer to every network failure, for users who may not edit the connection. It always comes after the same time, so that it reveals nothing about the network.',
  },
  'SOURCE-UNREACHABLE': {
    status: 424,
    title: 'Source unreachable',
    meaning:
      'The source cannot be reached: its name does not resolve, there is no route, or the port is closed.',
  },
  'SOURCE-TLS-FAILED': {
    status: 424,
    title: 'TLS failed',
    meaning: "The source's certificate is not trusted, has expired, or is for another name.",
  },
  'SOURCE-HOST-KEY-REFUSED': {
    status: 424,
    title: 'Host key refused',
    meaning:
      "The SSH server's host key is not the one that the connection trusts, or the connection trusts none yet. Nothing of the login was sent; the detail has the fingerprint that was found.",
  },
  'SOURCE-TIMEOUT': {
    status: 424,
    title: 'The source did not answer in time',
    meaning: 'A timeout expired before the source answered.',
  },
  'SOURCE-QUOTA-EXCEEDED': {
    status: 424,
    title: 'Quota exceeded at the source',
    meaning: 'This account has used up its quota at the source.',
  },
  'SOURCE-PROTOCOL-ERROR': {
    status: 424,
    title: 'Unexpected answer from the source',
    meaning: 'The source violated its protocol, or reported an internal error.',
  },
  'SOURCE-CRASHED': {
    status: 424,
    title: 'The runner of the source crashed or was stopped',
    meaning:
      "The source's data took more memory or time than one user may have, or crashed the process that read it. `detail` says which. Only uses of the same user are affected.",
  },
  'SOURCE-DRIVER-UNAVAILABLE': {
    status: 424,
    title: 'Driver unavailable',
    meaning: 'The driver for this data source is not installed.',
  },
  'PROVIDER-FAILED': {
    status: 424,
    title: 'The identity provider failed',
    meaning:
      'The OAuth provider did not answer, or its answer was not a token response. Nothing was lost. Try again.',
  },
  'PROVIDER-REFUSED': {
    status: 400,
    title: 'The identity provider refused',
    meaning: 'The OAuth provider refused the token request. `detail` has its error code.',
  },
  'HTTP-429': {
    status: 429,
    title: 'API rate limit reached.',
    meaning: 'Too many requests. Wait for `Retry-After` seconds.',
  },
  'HEADERS-TOO-LARGE': {
    status: 431,
    title: 'Headers too large',
    meaning: 'The headers exceed 16 KiB in total. The connection is closed.',
  },
  'SOURCE-RATE-LIMITED': {
    status: 429,
    title: 'Rate limited by the source',
    meaning: 'The source limits the rate of requests. Wait for `Retry-After` seconds.',
  },
  INTERNAL: {
    status: 500,
    title: 'Internal error',
    meaning: 'An unexpected error in Mooring. Search the log for the trace id.',
  },
  'OUTCOME-UNKNOWN': {
    status: 503,
    title: 'Outcome unknown',
    meaning:
      'The connection to the store was lost during the change, which may have taken effect. Check before you repeat it, or send it with an `Idempotency-Key`.',
  },
  BUSY: {
    status: 503,
    title: 'Concurrency limit reached',
    meaning:
      'The source, the tenant or this server already runs as many uses as it may. Nothing was sent to the source. Wait for `Retry-After` seconds.',
  },
  'SOURCE-PAUSED': {
    status: 503,
    title: 'Circuit breaker open',
    meaning:
      'The source was unreachable several times in a row, so nothing was sent to it. Wait for `Retry-After` seconds; a connection test may try it at once.',
  },
  'STORE-FULL': {
    status: 507,
    title: 'Store full',
    meaning: 'The disk of the store is full. Reads still work; writes work again as soon as space is freed.',
  },
  'NOT-READY': { status: 503, title: 'Not ready', meaning: 'The store or the master key is not available.' },
} as const satisfies Record<string, { status: number; title: string; meaning: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One entry of the `errors` array. */
export interface ErrorItem {
  code: ErrorCode;
  title: string;
  detail?: string;
  status: number;
  meta?: Record<string, unknown>;
}
