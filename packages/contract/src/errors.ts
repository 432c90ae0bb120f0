/**
 * Every error a caller can meet: stable code, HTTP status, title and meaning. Closed: the server throws by
 * code, and status and title are looked up here. Codes of Qlik's published contract are kept where they exist
 * (`DCERROR-0010`, `DCAAS-2001`, `HTTP-429`).
 *
 * A 5xx says that Mooring itself failed, or did not even begin. A source that failed, refused or timed out is a 424, so that a client
 * never retries our service for somebody else's outage.
 */
export const errorTable = {
  'DCERROR-0010': {
    status: 400,
    title: 'Bad or invalid request',
    meaning: 'A field, parameter or property is missing, unknown or not valid; `detail` names it.',
  },
  'SIGN-IN-INVALID': {
    status: 400,
    title: 'Sign-in code not valid',
    meaning:
      'The code belongs to no sign-in that this caller began, was used already, or the sign-in has expired or failed. Begin again.',
  },
  'AUTHENTICATION-REQUIRED': {
    status: 401,
    title: 'Authentication required',
    meaning: 'The request carries no API key or access token, or one that is unknown, expired or revoked.',
  },
  'ACCESS-DENIED': {
    status: 403,
    title: 'Access denied',
    meaning: 'The caller is known but lacks the role this operation needs.',
  },
  'CREDENTIALS-REQUIRED': {
    status: 403,
    title: 'Credentials required',
    meaning: 'The use needs a credential of the caller; `meta` says why, and where to bring it.',
  },
  'EGRESS-REFUSED': {
    status: 403,
    title: 'Destination not allowed',
    meaning: "The operator's network policy does not let the service connect there.",
  },
  'QUOTA-EXCEEDED': {
    status: 403,
    title: 'Quota exceeded',
    meaning: 'The caller, or the space, has as many as the operator allows; `detail` names the setting.',
  },
  'SOURCE-SIGN-IN-FAILED': {
    status: 403,
    title: 'The source refused the sign-in',
    meaning: 'The source did not accept the credential.',
  },
  'SOURCE-PERMISSION-DENIED': {
    status: 403,
    title: 'The source denied permission',
    meaning: 'The credential is valid but may not do this at the source.',
  },
  'NOT-FOUND': {
    status: 404,
    title: 'Not found',
    meaning: 'No such resource, or none that the caller may know of.',
  },
  'DCAAS-2001': {
    status: 404,
    title: 'Data source is not enabled',
    meaning: 'The data source does not exist here or was disabled by an administrator.',
  },
  'SOURCE-NOT-FOUND': {
    status: 404,
    title: 'Not found at the source',
    meaning: 'The path or object does not exist at the source.',
  },
  'METHOD-NOT-ALLOWED': {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method.',
  },
  'NOT-ACCEPTABLE': {
    status: 406,
    title: 'Not acceptable',
    meaning: 'None of the media types in `Accept` is offered.',
  },
  CONFLICT: {
    status: 409,
    title: 'Conflict with what is there',
    meaning:
      'The name or id is taken, or something else that is there stands in the way; `detail` says what, and what to do first.',
  },
  'IDEMPOTENCY-IN-PROGRESS': {
    status: 409,
    title: 'The first request is still at work',
    meaning: 'A request with the same `Idempotency-Key` has not finished; try again in a moment.',
  },
  'IDEMPOTENCY-OUTCOME-UNKNOWN': {
    status: 409,
    title: 'Outcome of the first request unknown',
    meaning:
      'A request with the same `Idempotency-Key` was cut short. Look whether it took effect before you repeat it with a new key.',
  },
  'SIGN-IN-ACCOUNT-DIFFERS': {
    status: 409,
    title: 'Another account signed in',
    meaning:
      'The account that has signed in is not known to be the one the credential had. Nothing was changed; `meta.choose` is where to say whether it replaces the old one, is added beside it, or is dropped.',
  },
  'SIGN-IN-IN-PROGRESS': {
    status: 409,
    title: 'Sign-in in progress',
    meaning:
      'The same sign-in is being completed by another request, or the person has not finished at the provider yet.',
  },
  'PRECONDITION-FAILED': {
    status: 412,
    title: 'Changed meanwhile',
    meaning: 'The resource is not in the state that `If-Match` names. Read it again and repeat the change.',
  },
  'REQUEST-TIMEOUT': {
    status: 408,
    title: 'Request too slow',
    meaning: 'Headers or body did not arrive in time (`limits.requestSeconds`); the connection is closed.',
  },
  'BODY-TOO-LARGE': {
    status: 413,
    title: 'Request body too large',
    meaning: 'The body exceeds the limit of the service.',
  },
  'UNSUPPORTED-MEDIA-TYPE': {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The body must be JSON.',
  },
  'IDEMPOTENCY-KEY-REUSED': {
    status: 422,
    title: 'Key used for another request',
    meaning: 'The `Idempotency-Key` belongs to a request with another content. Use a new key.',
  },
  'SOURCE-QUERY-INVALID': {
    status: 422,
    title: 'The source refused the query',
    meaning: 'The source could not run the query or find a column.',
  },
  'SOURCE-CONFIGURATION-INVALID': {
    status: 422,
    title: 'Connection settings not valid',
    meaning: "The connection's properties do not work together; `detail` says which.",
  },
  'SOURCE-UNSUPPORTED': {
    status: 422,
    title: 'Not supported by the source',
    meaning: 'The source cannot do this.',
  },
  'SOURCE-TOO-LARGE': {
    status: 422,
    title: 'Too large',
    meaning: 'A value, body or file of the source exceeds a limit.',
  },
  'SOURCE-UNAVAILABLE': {
    status: 424,
    title: 'The connection does not work',
    meaning:
      'What people who may not edit a connection are told of everything between Mooring and its source, always at the same time after the start.',
  },
  'SOURCE-UNREACHABLE': {
    status: 424,
    title: 'Source unreachable',
    meaning: 'The source cannot be reached: name, route or port.',
  },
  'SOURCE-TLS-FAILED': {
    status: 424,
    title: 'TLS failed',
    meaning: "The source's certificate is not trusted, expired or for another name.",
  },
  'SOURCE-TIMEOUT': {
    status: 424,
    title: 'The source did not answer in time',
    meaning: 'A time limit passed before the source answered.',
  },
  'SOURCE-QUOTA-EXCEEDED': {
    status: 424,
    title: 'Quota exceeded at the source',
    meaning: "The source's quota for this account is used up.",
  },
  'SOURCE-PROTOCOL-ERROR': {
    status: 424,
    title: 'The source answered unexpectedly',
    meaning: 'The source did not speak its protocol, or failed itself.',
  },
  'SOURCE-CRASHED': {
    status: 424,
    title: 'The work on the answers of the source was ended',
    meaning:
      'What the source sent took more memory or time than one user may have, or ended the process that read it; `detail` says which. Only uses of the same user can fail with it.',
  },
  'SOURCE-DRIVER-UNAVAILABLE': {
    status: 424,
    title: 'Driver unavailable',
    meaning: 'The driver of this source is not installed.',
  },
  'PROVIDER-FAILED': {
    status: 424,
    title: 'The identity provider failed',
    meaning:
      'The OAuth provider did not answer, or answered with something that is not a token. Nothing was lost; try again.',
  },
  'PROVIDER-REFUSED': {
    status: 400,
    title: 'The identity provider refused',
    meaning: 'The OAuth provider refused the exchange; `detail` has its error code.',
  },
  'HTTP-429': {
    status: 429,
    title: 'API rate limit reached.',
    meaning: 'Too many requests; wait as `Retry-After` says.',
  },
  'HEADERS-TOO-LARGE': {
    status: 431,
    title: 'Headers too large',
    meaning: 'All headers together are larger than 16 KiB; the connection is closed.',
  },
  'SOURCE-RATE-LIMITED': {
    status: 429,
    title: 'The source asked to slow down',
    meaning: 'The source limits requests; wait as `Retry-After` says.',
  },
  INTERNAL: {
    status: 500,
    title: 'Internal error',
    meaning: 'A fault of Mooring. The trace id finds it in the log.',
  },
  'OUTCOME-UNKNOWN': {
    status: 503,
    title: 'Outcome unknown',
    meaning:
      'The store was lost while the change was being made, so it may have taken effect. Look before you repeat it, or send it with an `Idempotency-Key`.',
  },
  BUSY: {
    status: 503,
    title: 'Too much at the same time',
    meaning:
      'The source, the tenant or this server has as many uses at work as it may have. Nothing was sent to the source; wait as `Retry-After` says.',
  },
  'SOURCE-PAUSED': {
    status: 503,
    title: 'The source is left alone for a moment',
    meaning:
      'The source could not be reached several times in a row, so nothing was sent to it. Wait as `Retry-After` says; a test may try it at once.',
  },
  'STORE-FULL': {
    status: 507,
    title: 'Store full',
    meaning:
      'The disk of the store has no room for another write. Reads go on; writes do as soon as there is room.',
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
