// Error codes of Node's sockets, streams and TLS, by what they mean to the caller of a source.

const unreachableCodes = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

/** Whether the source could not be reached or dropped the connection. */
export const isUnreachableCode = (code: string): boolean => unreachableCodes.has(code);

const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'EPROTO',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Whether the other side has refused our certificate, or the lack of one. Only it sends an alert (RFC 8446 section 6.2).
 */
export const isCertificateAlert = (code: string): boolean =>
  /^ERR_SSL_\w+_ALERT_(?:UNKNOWN_CA|ACCESS_DENIED|(?:BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_\w+)$/.test(
    code,
  );

/** Whether the TLS handshake or a check of the certificate failed. */
export function isTlsFailureCode(code: string): boolean {
  return certificateCodes.has(code) || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_');
}
