import type { ConnectorErrorKind } from '@mooring/connectors/spec/errors';
import { ConnectorError, type ServerWords } from '@mooring/connectors/spec/errors';
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
  retryAfterSeconds?: number;
  /** A fault of this server, to be logged with its cause. */
  isFault: boolean;
}

const detailLengthMax = 2048;

function item(code: ErrorCode, detail?: string, meta?: Record<string, unknown>): ErrorItem {
  const { title, status } = errorTable[code];
  return {
    code,
    title,
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

/** A store on other machines can be unreachable for a while. */
function fromStore(error: unknown, traceId: string): ErrorReply | undefined {
  const reply = (code: ErrorCode, detail: string, retryAfterSeconds?: number): ErrorReply => ({
    status: errorTable[code].status,
    body: { errors: [item(code, detail)], traceId },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    isFault: true,
  });
  if (error instanceof OutcomeUnknownError) {
    return reply('OUTCOME-UNKNOWN', 'The store was lost during the change. Check whether it took effect.');
  }
  if (error instanceof StoreFullError) {
    const detail = 'The disk of the store is full. Nothing was changed; free some space and try again.';
    return reply('STORE-FULL', detail, fullRetrySeconds);
  }
  if (!(error instanceof StoreUnavailableError)) return undefined;
  return reply(
    'NOT-READY',
    'The store does not answer or cannot write. Nothing was changed; try again.',
    storeRetrySeconds,
  );
}

/** The code of {@link errorReply} alone. */
export const errorCode = (error: unknown): ErrorCode =>
  (errorReply(error, '').body.errors[0] as ErrorItem).code as ErrorCode;

/** Any thrown value as the contract's error answer. Unknown ones become INTERNAL, without their text. */
export function errorReply(error: unknown, traceId: string): ErrorReply {
  if (error instanceof InvalidRequest) {
    const errors = error.problems.map((problem) =>
      item('DCERROR-0010', `${problem.field}: ${problem.message}`),
    );
    return { status: 400, body: { errors, traceId }, isFault: false };
  }
  if (error instanceof AppError) {
    return {
      status: error.status,
      body: { errors: [item(error.code, error.detail, error.meta)], traceId },
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      isFault: error.status >= 500 && !shed.has(error.code),
    };
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
    const code = sourceErrorCode(error);
    return {
      status: errorTable[code].status,
      body: { errors: [item(code, detail, meta)], traceId },
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      isFault: false,
    };
  }
  const ofStore = fromStore(error, traceId);
  if (ofStore) return ofStore;
  return {
    status: errorTable.INTERNAL.status,
    body: { errors: [item('INTERNAL', 'Quote the trace id to your administrator.')], traceId },
    isFault: true,
  };
}
