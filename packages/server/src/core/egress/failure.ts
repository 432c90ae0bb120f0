// All error messages of the network. None contains a host, an address or native text.
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { RefusalReason } from './policy.js';

/** Refuses a destination: counts and logs it, and returns the error that all refusals share. */
export type Refuse = (reason: RefusalReason, port: number) => ConnectorError;

/** The same for every reason, so that an answer reveals nothing about the network behind the gate (S09). */
export function egressRefused(): ConnectorError {
  return new ConnectorError(
    'egress_refused',
    "The server's network policy does not allow this destination.",
    {
      remedy:
        'Ask the operator of this server to allow it: MOORING_EGRESS_ALLOW, or egress.allow in the configuration.',
    },
  );
}

export function timedOut(nativeCode?: string, cause?: unknown): ConnectorError {
  return new ConnectorError('timeout', 'The server did not answer in time.', {
    ...(nativeCode === undefined ? {} : { nativeCode }),
    remedy: 'Check that it is up and that no firewall drops the connection.',
    retryable: true,
    cause,
  });
}

export function cancelled(cause?: unknown): ConnectorError {
  return new ConnectorError('cancelled', 'The request was cancelled.', { cause });
}

export function nameNotResolved(nativeCode: string | undefined, cause?: unknown): ConnectorError {
  return new ConnectorError('unreachable', 'The name of the server could not be resolved.', {
    ...(nativeCode === undefined ? {} : { nativeCode }),
    remedy: 'Check the spelling of the host name.',
    retryable: nativeCode === 'EAI_AGAIN',
    cause,
  });
}

const UNREACHABLE = new Map([
  ['ECONNREFUSED', 'The server refused the connection.'],
  ['ECONNRESET', 'The server closed the connection.'],
  ['ECONNABORTED', 'The server closed the connection.'],
  ['EPIPE', 'The server closed the connection.'],
  ['UND_ERR_SOCKET', 'The server closed the connection.'],
  ['EHOSTUNREACH', 'The server cannot be reached from here.'],
  ['EHOSTDOWN', 'The server cannot be reached from here.'],
  ['ENETUNREACH', 'The server cannot be reached from here.'],
  ['ENETDOWN', 'The server cannot be reached from here.'],
  ['EADDRNOTAVAIL', 'The server cannot be reached from here.'],
]);

const TIMEOUT_CODES = new Set(['ETIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** Codes of OpenSSL's certificate verification as Node names them (X509_V_ERR_ without the prefix). */
const CERTIFICATE_CODE =
  /^(?:CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

const TLS_ADVICE = new Map([
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'Use a host name that the certificate lists.'],
  ['CERT_HAS_EXPIRED', 'Have the certificate of the server renewed.'],
  ['CERT_NOT_YET_VALID', 'Check the clocks of both machines, then the certificate of the server.'],
]);
const TRUST_ADVICE =
  'If the certificate is right, add that of the authority that issued it to the trusted certificates of the connection.';
const PROTOCOL_ADVICE = 'Check that the server expects TLS on this port, in version 1.2 or newer.';

/**
 * Translates an error of Node's sockets, TLS or undici.
 * @returns `undefined` for errors that are not the network's, such as those a driver ends its socket with.
 */
export function translateNetworkError(error: unknown): ConnectorError | undefined {
  if (error instanceof ConnectorError) return error;
  const code = codeOf(error);
  if (code === undefined) return undefined;
  if (TIMEOUT_CODES.has(code)) return timedOut(code, error);
  const unreachable = UNREACHABLE.get(code);
  if (unreachable !== undefined) {
    return new ConnectorError('unreachable', unreachable, {
      nativeCode: code,
      remedy: 'Check host and port, and that the server is up.',
      retryable: true,
      cause: error,
    });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || CERTIFICATE_CODE.test(code)) {
    return new ConnectorError('tls_failed', 'The certificate of the server could not be verified.', {
      nativeCode: code,
      remedy: TLS_ADVICE.get(code) ?? TRUST_ADVICE,
      cause: error,
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new ConnectorError('tls_failed', 'No secure connection could be agreed with the server.', {
      nativeCode: code,
      remedy: PROTOCOL_ADVICE,
      cause: error,
    });
  }
  return undefined;
}

/** A server without TLS, or one that requires a client certificate, often just closes the connection. */
export function closedInHandshake(failure: ConnectorError): ConnectorError {
  return new ConnectorError('unreachable', 'The server closed the connection during the TLS handshake.', {
    ...(failure.nativeCode === undefined ? {} : { nativeCode: failure.nativeCode }),
    remedy: PROTOCOL_ADVICE,
    retryable: true,
    cause: failure.cause,
  });
}

/** The error code of a native error, when it has a textual one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
