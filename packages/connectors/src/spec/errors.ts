/** The closed set of ways in which a source fails. The server maps each kind to one public error code. */
export type ConnectorErrorKind =
  | 'auth_failed'
  | 'permission_denied'
  | 'not_found'
  | 'invalid_query'
  | 'invalid_config'
  | 'unreachable'
  | 'egress_refused'
  | 'tls_failed'
  | 'timeout'
  | 'cancelled'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'too_large'
  | 'unsupported'
  | 'driver_unavailable'
  | 'protocol_error'
  /** What worked on its answers was ended, or ended by itself. */
  | 'crashed';

/** What a source says of a statement, in its own words: for who wrote the statement, and for nobody else. */
export interface ServerWords {
  /** One line, without control characters. */
  message: string;
  code?: string;
  /** Character of the statement, counted from one. */
  position?: number;
}

export interface ConnectorErrorOptions {
  /** Of a failure of a statement. Taken away where the statement is not the caller's. */
  server?: ServerWords;
  /** The vendor's own code (SQLSTATE, HTTP status, AWS error name); never free text. */
  nativeCode?: string;
  /** What the person can do about it. */
  remedy?: string;
  retryable?: boolean;
  /** Seconds the source asked to wait. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * A failure of a source. `message` goes to callers, so the translator of the source vouches for it:
 * it holds no native text that may carry hosts, logins, statements or secrets. The native error is `cause`; what a server
 * says of a statement is `server`.
 */
export class ConnectorError extends Error {
  readonly kind: ConnectorErrorKind;
  readonly nativeCode: string | undefined;
  readonly server: ServerWords | undefined;
  readonly remedy: string | undefined;
  readonly isRetryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: ConnectorErrorKind, message: string, options: ConnectorErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'ConnectorError';
    this.kind = kind;
    this.nativeCode = options.nativeCode;
    this.server = options.server;
    this.remedy = options.remedy;
    this.isRetryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
