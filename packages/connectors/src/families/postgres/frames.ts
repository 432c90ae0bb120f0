// The message format of a PostgreSQL server, where the driver's parser relies on it: it reads texts up to the next NUL
// and fields by their claimed length, even past the end of their message, and an unterminated error message forever.
// Source: PostgreSQL documentation, "Message Formats".
import { brokenFrame, type FrameFormat } from '../../kit/frame-guard.js';

/** Message type, then the length, which includes itself. */
const HEAD_BYTES = 5;
const LENGTH_MIN = 4;
/** Maximum columns in a PostgreSQL result (MaxTupleAttributeNumber). */
const COLUMNS_MAX = 1_664;
/** Bytes after a column's name in a row description. */
const COLUMN_TAIL_BYTES = 18;
const NULL_FIELD = -1;

/** Whether the body, from `from` up to `end`, is well-formed. */
type BodyRule = (bytes: Buffer, from: number, end: number) => boolean;

const atLeast =
  (bodyBytes: number): BodyRule =>
  (_bytes, from, end) =>
    end - from >= bodyBytes;
const endsWithText: BodyRule = (bytes, from, end) => end > from && bytes[end - 1] === 0;
/** Fields that each end with NUL, and a final NUL. Wherever the fields are, two NULs end the parsing. */
const endsWithFields: BodyRule = (bytes, from, end) =>
  bytes[end - 1] === 0 && (end - from === 1 || (end - from > 1 && bytes[end - 2] === 0));

function columnsOf(bytes: Buffer, from: number, end: number): number | undefined {
  if (end - from < 2) return undefined;
  const count = bytes.readInt16BE(from);
  let position = from + 2;
  for (let column = 0; column < count && position <= end; column += 1) {
    const nameEnd = bytes.indexOf(0, position);
    if (nameEnd < 0) return undefined;
    position = nameEnd + 1 + COLUMN_TAIL_BYTES;
  }
  return count >= 0 && count <= COLUMNS_MAX && position === end ? count : undefined;
}

/** Twice as fast as the method of `Buffer`, and called at least once per field. */
const int32At = (bytes: Buffer, at: number): number =>
  ((bytes[at] ?? 0) << 24) |
  ((bytes[at + 1] ?? 0) << 16) |
  ((bytes[at + 2] ?? 0) << 8) |
  (bytes[at + 3] ?? 0);

function isRowOf(columns: number, bytes: Buffer, from: number, end: number): boolean {
  const count = ((bytes[from] ?? 0) << 8) | (bytes[from + 1] ?? 0);
  if (count !== columns) return false;
  let position = from + 2;
  for (let column = 0; column < columns; column += 1) {
    if (position + 4 > end) return false;
    const length = int32At(bytes, position);
    position += 4;
    if (length > 0) position += length;
    else if (length < NULL_FIELD) return false;
  }
  return position === end;
}

/** Every message type that a client receives outside copy and replication. */
const bodies: readonly (readonly [kind: string, rule: BodyRule])[] = [
  ['R', atLeast(4)], // Authentication
  ['S', endsWithText], // ParameterStatus
  ['K', atLeast(8)], // BackendKeyData
  ['Z', atLeast(1)], // ReadyForQuery
  ['E', endsWithFields], // ErrorResponse
  ['N', endsWithFields], // NoticeResponse
  ['A', endsWithText], // NotificationResponse
  ['C', endsWithText], // CommandComplete
  ['t', atLeast(2)], // ParameterDescription
  ['n', atLeast(0)], // NoData
  ['I', atLeast(0)], // EmptyQueryResponse
  ['s', atLeast(0)], // PortalSuspended
  ['1', atLeast(0)], // ParseComplete
  ['2', atLeast(0)], // BindComplete
  ['3', atLeast(0)], // CloseComplete
];
const DATA_ROW = 'D'.charCodeAt(0);
const ROW_DESCRIPTION = 'T'.charCodeAt(0);

/** Messages of one connection. */
export function postgresFrames(): FrameFormat {
  let columns = 0;
  const rules: BodyRule[] = [];
  for (const [kind, rule] of bodies) rules[kind.charCodeAt(0)] = rule;
  rules[ROW_DESCRIPTION] = (bytes, from, end) => {
    const described = columnsOf(bytes, from, end);
    columns = described ?? 0;
    return described !== undefined;
  };
  rules[DATA_ROW] = (bytes, from, end) => isRowOf(columns, bytes, from, end);

  return {
    headBytes: HEAD_BYTES,
    sizeAt(bytes, at) {
      const length = int32At(bytes, at + 1);
      if (length < LENGTH_MIN || !rules[bytes[at] ?? 0]) throw brokenFrame();
      return 1 + length;
    },
    check(bytes, at, end) {
      const kind = bytes[at] ?? 0;
      const from = at + HEAD_BYTES;
      // Rows are almost all of the traffic.
      const isGood = kind === DATA_ROW ? isRowOf(columns, bytes, from, end) : rules[kind]?.(bytes, from, end);
      if (!isGood) throw brokenFrame();
    },
  };
}
