/** All ways in which a source can fail. The server maps each kind to one public error code. */
export type ConnectorErrorKind =
  | 'auth_failed'
  | 'permission_denied'
  | 'not_found'
  | 'invalid_query'
  | 'invalid_config'
  | 'unreachable'
  | 'egress_refused'
  | 'tls_failed'
  /** The host key of an SSH server is not the pinned one, or none is pinned. */
  | 'host_key_refused'
  | 'timeout'
  | 'cancelled'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'too_large'
  | 'unsupported'
  | 'driver_unavailable'
  | 'protocol_error'
  /** The process that handled the source's responses was ended or crashed. */
  | 'crashed';

/** A source's own message about a statement. Only for the author of the statement. */
export interface ServerWords {
  /** One line, without control characters. */
  message: string;
  code?: string;
  /** Character position in the statement, from 1. */
  position?: number;
}

export interface ConnectorErrorOptions {
  /** For a failed statement. Removed unless the statement is the caller's own. */
  server?: ServerWords;
  /** The vendor's own code (SQLSTATE, HTTP status, AWS error name); never free text. */
  nativeCode?: string;
  /** What the user can do about it. */
  remedy?: string;
  retryable?: boolean;
  /** Retry delay in seconds that the source requested. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * A failure of a source. `message` goes to callers, so the source's translator vouches for it: it contains no native
 * text that might include hosts, logins, statements or secrets. The native error is `cause`; a server's own message
 * about a statement is `server`.
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

/** What a failure means to the caller. `message` and `remedy` are our own texts. */
export interface Meaning {
  kind: ConnectorErrorKind;
  message: string;
  remedy?: string;
  retryable?: boolean;
}

/**
 * The failures of a source as data; `kit/errors.ts` translates by it what a connector throws. Failures of the network,
 * of TLS and of an aborted call are known to the kit.
 */
export interface ErrorTable {
  /** Where codes stand in a failure, as paths of members. Default: `code`, `errno`, `name`. */
  codeAt?: readonly string[];
  /** By the vendor's code, for instance SQLSTATE `28P01`, `1045`, `AccessDenied`. */
  codes: Readonly<Record<string, Meaning>>;
  /** By the first characters of a code, for codes that are not listed. The longest match counts. */
  classes?: Readonly<Record<string, Meaning>>;
  /** Where the code stands that has classes, for instance `sqlState`. Default: any of `codeAt`. */
  classAt?: string;
  /**
   * By HTTP status, which stands in `status`, `statusCode` or `$metadata.httpStatusCode`; one digit stands for all
   * statuses that begin with it.
   */
  statuses?: Readonly<Record<number, Meaning>>;
  /** By the start of a message that the driver itself has written, for failures whose code is not listed. */
  driverTexts?: readonly (readonly [start: string, meaning: Meaning])[];
  /**
   * Members of a failed statement's error that its author may see. The position counts characters from 1. `place` is
   * line and column, `2:17`, which the text of the failure then names.
   */
  tellsAuthor?: { code?: string; message: string; position?: string; place?: string };
  /** Where a failure has the seconds after which to try again; a 503 that has them is `rate_limited`. */
  waitAt?: string;
  /** What users can do when TLS fails, if the source has more to offer than certificates to trust. */
  tlsRemedy?: string;
  /** For everything else. */
  fallback: Meaning;
}
