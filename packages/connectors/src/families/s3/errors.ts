import type { ErrorTable, Meaning } from '../../interface/errors.js';

// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

const wrongKeys: Meaning = {
  kind: 'auth_failed',
  message: 'The access key or the secret key is wrong.',
  remedy: 'Check both keys; a deleted or deactivated access key gives the same error.',
};
const expired: Meaning = {
  kind: 'auth_failed',
  message: 'The temporary keys have expired, or the session token does not match them.',
  remedy: 'Provide new keys with their session token.',
};
const denied: Meaning = {
  kind: 'permission_denied',
  message: 'These keys do not have permission for this.',
  remedy: 'The keys need s3:ListBucket on the bucket and s3:GetObject on its objects.',
};
const noBucket: Meaning = {
  kind: 'not_found',
  message: 'The bucket does not exist.',
  remedy: 'Check the name of the bucket and the endpoint.',
};
const noObject: Meaning = {
  kind: 'not_found',
  message: 'The object does not exist.',
  remedy: 'Browse to see what exists. Names are case-sensitive, and folders end in a slash.',
};
const otherRegion: Meaning = {
  kind: 'invalid_config',
  message: 'The bucket is in another region.',
  remedy: 'Set the region of the connection to the region of the bucket.',
};
const badBucket: Meaning = { kind: 'invalid_config', message: 'The name of the bucket is not valid.' };
const slowDown: Meaning = {
  kind: 'rate_limited',
  message: 'The source’s rate limit was exceeded.',
  retryable: true,
};
const unavailable: Meaning = {
  kind: 'unreachable',
  message: 'The source is temporarily unavailable.',
  retryable: true,
};
const timedOut: Meaning = { kind: 'timeout', message: 'The source did not answer in time.', retryable: true };
const skewed: Meaning = {
  kind: 'protocol_error',
  message: 'The clocks of the source and of this service differ too much.',
  remedy: 'Set the clock of this machine.',
};
const archived: Meaning = {
  kind: 'unsupported',
  message: 'The object is archived.',
  remedy: 'Restore it at the source first.',
};
const changed: Meaning = {
  kind: 'protocol_error',
  message: 'The object changed during the read.',
  remedy: 'Read it again.',
};
const outOfRange: Meaning = {
  kind: 'invalid_query',
  message: 'The range begins after the end of the file.',
  remedy: 'Browse to see the size of the file.',
};
const notOffered: Meaning = { kind: 'unsupported', message: 'The source does not support this request.' };

const codes: Readonly<Record<string, Meaning>> = {
  InvalidAccessKeyId: wrongKeys,
  SignatureDoesNotMatch: wrongKeys,
  NotSignedUp: wrongKeys,
  ExpiredToken: expired,
  InvalidToken: expired,
  TokenRefreshRequired: expired,
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  NoSuchBucket: noBucket,
  NoSuchKey: noObject,
  PermanentRedirect: otherRegion,
  TemporaryRedirect: otherRegion,
  AuthorizationHeaderMalformed: otherRegion,
  IllegalLocationConstraintException: otherRegion,
  InvalidBucketName: badBucket,
  SlowDown: slowDown,
  ServiceUnavailable: unavailable,
  InternalError: unavailable,
  RequestTimeout: timedOut,
  TimeoutError: timedOut,
  RequestTimeTooSkewed: skewed,
  InvalidObjectState: archived,
  PreconditionFailed: changed,
  InvalidRange: outOfRange,
  NotImplemented: notOffered,
  MethodNotAllowed: notOffered,
};

/** The failures of S3 and of the AWS client, whose errors carry AWS's code as their name. */
export const s3Errors: ErrorTable = {
  codeAt: ['name'],
  codes,
  // For responses without a body (HEAD), and for error names of other servers.
  statuses: {
    301: otherRegion,
    307: otherRegion,
    401: wrongKeys,
    403: denied,
    404: noObject,
    408: timedOut,
    412: changed,
    416: outOfRange,
    429: slowDown,
    5: unavailable,
  },
  fallback: {
    kind: 'protocol_error',
    message: 'The source sent a response that could not be interpreted.',
    remedy: 'Check that the endpoint is an S3-compatible service.',
  },
};
