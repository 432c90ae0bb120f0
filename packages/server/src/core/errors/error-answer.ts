import {
  ConnectorError,
  type ConnectorErrorKind,
  type ServerWords,
} from '@mooring/connectors/interface/errors';
import { type ErrorCode, type ErrorItem, errorTable } from '@mooring/contract/errors';
import { OutcomeUnknownError, StoreFullError, StoreUnavailableError } from '../store/store-error.js';
import { AppError, InvalidRequest } from './app-error.js';

/** Public error code of each kind of source failure. */
const codeOfKind: Record<ConnectorErrorKind, ErrorCode> = {
  auth_failed: 'SOURCE-SIGN-IN-FAILED',
  permission_denied: 'SOURCE-PERMISSION-DENIED',
  not_found: 'SOURCE-NOT-FOUND',
  invalid_query: 'SOURCE-QUERY-INVALID',
  invalid_config: 'SOURCE-CONFIGURATION-INVALID',
  unreachable: 'SOURCE-UNREACHABLE',
  egress_refused: 'EGRESS-REFUSED',
  tls_failed: 'SOURCE-TLS-FAILED',
  host_key_refused: 'SOURCE-HOST-KEY-REFUSED',
  timeout: 'SOURCE-TIMEOUT',
  cancelled: 'SOURCE-TIMEOUT',
  rate_limited: 'SOURCE-RATE-LIMITED',
  quota_exceeded: 'SOURCE-QUOTA-EXCEEDED',
  too_large: 'SOURCE-TOO-LARGE',
  unsupported: 'SOURCE-UNSUPPORTED',
  driver_unavailable: 'SOURCE-DRIVER-UNAVAILABLE',
  protocol_error: 'SOURCE-PROTOCOL-ERROR',
  crashed: 'SOURCE-CRASHED',
};

export const sourceErrorCode = (error: ConnectorError): ErrorCode => codeOfKind[error.kind];

export interface ErrorReply {
  status: number;
  body: { errors: ErrorItem[]; traceId: string };
  retryAfterSeconds?: number | undefined;
  /** A fault of this server, to be logged with its cause. */
  isFault: boolean;
}

const detailLengthMax = 2048;

function item(code: ErrorCode, detail?: string, meta?: Record<string, unknown>): ErrorItem {
  const { title, status } = errorTable[code];
  return {
    ...{ code, title },
    ...(detail ? { detail: detail.slice(0, detailLengthMax) } : {}),
    status,
    ...(meta ? { meta } : {}),
  };
}

const saidBy = ({ message, code, position }: ServerWords): string => {
  const where = [code, position && `at character ${position} of your query`].filter(Boolean).join(', ');
  return `The server says: "${message}"${where === '' ? '' : ` (${where})`}.`;
};

/** The body as sent. The one of a reached rate limit is documented literally, without `status` and `traceId`. */
export function writeErrorBody({ errors, traceId }: ErrorReply['body']): string {
  const documented = errors.some((error) => error.code === 'HTTP-429')
    ? { errors: errors.map(({ code, title, detail }) => ({ code, title, detail })) }
    : { errors, traceId };
  return JSON.stringify(documented);
}

/** Refused on purpose, perhaps in large numbers: the metrics count them. */
const shed: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BUSY', 'SOURCE-PAUSED']);

const storeRetrySeconds = 1;
/** An operator must free space. */
const fullRetrySeconds = 30;

/** Code, detail and `Retry-After` of a failure of the store. One on other machines can be unreachable for a while. */
function storeFailure(
  error: unknown,
): [code: ErrorCode, detail: string, retryAfterSeconds?: number] | undefined {
  if (error instanceof OutcomeUnknownError)
    return ['OUTCOME-UNKNOWN', 'The store was lost during the change. Check whether it took effect.'];
  if (error instanceof StoreFullError) {
    const detail = 'The disk of the store is full. Nothing was changed; free some space and try again.';
    return ['STORE-FULL', detail, fullRetrySeconds];
  }
  if (!(error instanceof StoreUnavailableError)) return undefined;
  const detail = 'The store does not answer or cannot write. Nothing was changed; try again.';
  return ['NOT-READY', detail, storeRetrySeconds];
}

/** The code of {@link errorReply} alone. */
export const errorCode = (error: unknown): ErrorCode =>
  (errorReply(error, '').body.errors[0] as ErrorItem).code as ErrorCode;

/** Any thrown value as the contract's error answer. Unknown ones become INTERNAL, without their text. */
export function errorReply(error: unknown, traceId: string): ErrorReply {
  const reply = (first: ErrorItem, isFault: boolean, retryAfterSeconds?: number): ErrorReply => ({
    ...{ status: first.status, body: { errors: [first], traceId }, isFault, retryAfterSeconds },
  });
  if (error instanceof InvalidRequest) {
    const errors = error.problems.map(({ field, message }) => item('DCERROR-0010', `${field}: ${message}`));
    return { status: error.status, body: { errors, traceId }, isFault: false };
  }
  if (error instanceof AppError) {
    const isFault = error.status >= 500 && !shed.has(error.code);
    return reply(item(error.code, error.detail, error.meta), isFault, error.retryAfterSeconds);
  }
  if (error instanceof ConnectorError) {
    const detail = [error.message, error.remedy, error.server && saidBy(error.server)]
      .filter((part) => part !== undefined)
      .join(' ');
    const facts = {
      ...(error.nativeCode ? { nativeCode: error.nativeCode } : {}),
      ...(error.server ? { server: { ...error.server } } : {}),
    };
    const meta = Object.keys(facts).length > 0 ? facts : undefined;
    return reply(item(sourceErrorCode(error), detail, meta), false, error.retryAfterSeconds);
  }
  const [code, detail, retryAfterSeconds] = storeFailure(error) ?? [
    'INTERNAL',
    'Quote the trace id to your administrator.',
  ];
  return reply(item(code, detail), true, retryAfterSeconds);
}
