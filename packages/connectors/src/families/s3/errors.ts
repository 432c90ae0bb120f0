import { ConnectorError } from '../../interface/errors.js';
import { abortError } from '../../kit/deadline.js';
import { isTlsFailureCode, isUnreachableCode } from '../../kit/failure-codes.js';
import type { Meaning } from '../http/failures.js';

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
const slowDown: Meaning = { kind: 'rate_limited', message: 'The source’s rate limit was exceeded.' };
const unavailable: Meaning = { kind: 'unreachable', message: 'The source is temporarily unavailable.' };
const timedOut: Meaning = { kind: 'timeout', message: 'The source did not answer in time.' };
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
const notOffered: Meaning = { kind: 'unsupported', message: 'The source does not support this request.' };

const meaningByName: ReadonlyMap<string, Meaning> = new Map([
  ['InvalidAccessKeyId', wrongKeys],
  ['SignatureDoesNotMatch', wrongKeys],
  ['NotSignedUp', wrongKeys],
  ['ExpiredToken', expired],
  ['InvalidToken', expired],
  ['TokenRefreshRequired', expired],
  ['AccessDenied', denied],
  ['AllAccessDisabled', denied],
  ['AccountProblem', denied],
  ['NoSuchBucket', noBucket],
  ['NoSuchKey', noObject],
  ['PermanentRedirect', otherRegion],
  ['TemporaryRedirect', otherRegion],
  ['AuthorizationHeaderMalformed', otherRegion],
  ['IllegalLocationConstraintException', otherRegion],
  ['InvalidBucketName', badBucket],
  ['SlowDown', slowDown],
  ['ServiceUnavailable', unavailable],
  ['InternalError', unavailable],
  ['RequestTimeout', timedOut],
  ['TimeoutError', timedOut],
  ['RequestTimeTooSkewed', skewed],
  ['InvalidObjectState', archived],
  ['PreconditionFailed', changed],
  ['NotImplemented', notOffered],
  ['MethodNotAllowed', notOffered],
]);

/** For responses without a body (HEAD) and error names of other servers. */
const meaningByStatus: ReadonlyMap<number, Meaning> = new Map([
  [301, otherRegion],
  [307, otherRegion],
  [401, wrongKeys],
  [403, denied],
  [404, noObject],
  [408, timedOut],
  [412, changed],
  [429, slowDown],
]);

interface NativeError {
  name?: unknown;
  code?: unknown;
  cause?: unknown;
  $metadata?: { httpStatusCode?: number; requestId?: string; attempts?: number };
}

/** AWS's error code (`AccessDenied`), a number as text if there is no body, else undefined. */
export function s3ErrorName(error: unknown): string | undefined {
  const { name, $metadata } = (error ?? {}) as NativeError;
  return $metadata?.httpStatusCode !== undefined && typeof name === 'string' ? name : undefined;
}

function withinCauses(error: unknown): ConnectorError | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth += 1) {
    if (current instanceof ConnectorError) return current;
    current = current.cause;
  }
  return undefined;
}

/** The SDK attaches key ids, signed text and request headers to its errors, so only harmless parts are kept. */
function harmless({ name, code, $metadata }: NativeError): Error {
  const parts = [name, code, $metadata?.httpStatusCode, $metadata?.requestId].map((part) =>
    typeof part === 'string' || typeof part === 'number' ? String(part).slice(0, 64) : '-',
  );
  return new Error(`S3: ${parts.join(' ')}`);
}

function transportError(error: NativeError): ConnectorError | undefined {
  const code = typeof error.code === 'string' ? error.code : '';
  const cause = harmless(error);
  if (isUnreachableCode(code)) {
    const message = 'The source could not be reached or dropped the connection.';
    return new ConnectorError('unreachable', message, { nativeCode: code, retryable: true, cause });
  }
  if (isTlsFailureCode(code)) {
    return new ConnectorError('tls_failed', 'The TLS certificate of the source could not be verified.', {
      nativeCode: code,
      remedy: 'Provide the root certificate of the endpoint, or correct its host name.',
      cause,
    });
  }
  return undefined;
}

/**
 * Native error → ConnectorError. Anything after the signal was aborted is `cancelled`, or `timeout` if a deadline
 * aborted it.
 */
export function translateS3Error(error: unknown, signal: AbortSignal): ConnectorError {
  if (signal.aborted) return abortError(signal);
  const own = withinCauses(error);
  if (own) return own;
  const native = (error ?? {}) as NativeError;
  const transport = transportError(native);
  if (transport) return transport;
  const status = native.$metadata?.httpStatusCode;
  const name = typeof native.name === 'string' ? native.name : '';
  const meaning =
    meaningByName.get(name) ??
    (status === undefined
      ? undefined
      : (meaningByStatus.get(status) ?? (status >= 500 ? unavailable : undefined)));
  const { kind, message, remedy } = meaning ?? {
    kind: 'protocol_error' as const,
    message: 'The source sent a response that could not be interpreted.',
    remedy: 'Check that the endpoint is an S3-compatible service.',
  };
  return new ConnectorError(kind, message, {
    nativeCode: (s3ErrorName(error) ?? name).slice(0, 64),
    retryable: kind === 'rate_limited' || kind === 'timeout' || kind === 'unreachable',
    cause: harmless(native),
    ...(remedy === undefined ? {} : { remedy }),
  });
}
