import { isUtf8 } from 'node:buffer';
import { ConnectorError } from '../../interface/errors.js';
import { createByteCollector } from '../byte-collector.js';
import { jsonCharset, NotDecodable, utf8Of } from '../charset.js';
import type { ParsingCaps } from './caps.js';
import { type JsonRecord, parseRecord } from './exact.js';
import { createJsonGauge, type JsonCaps, NotJson, NotText } from './gauge.js';
import { type JsonSpan, wholeSpan } from './spans.js';

/** Input of a document. */
export interface JsonSource {
  /** Next bytes, undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Declared encoding, if any; otherwise a byte order mark or the first characters decide. */
  charset?: string | undefined;
  /** The text may have several values, as in NDJSON; the first one is returned. */
  isSequence?: boolean;
  caps: Pick<ParsingCaps, 'documentBytes' | 'document'>;
  /** What to do about a document beyond the caps. */
  remedy: string;
  /** The reader of the items checks that their bytes are text, so that it can name the item. */
  isCheckedByItem?: boolean;
}

/**
 * Collects a JSON document and measures it as it arrives; its readers parse values one by one.
 * @returns undefined for white space only
 * @throws ConnectorError `too_large` beyond the caps and `unsupported` for its encoding, SyntaxError for invalid JSON,
 * {@link NotText} for bytes that are not valid in its encoding
 */
export async function collectJson(source: JsonSource): Promise<JsonSpan | undefined> {
  try {
    return await collect(source);
  } catch (error) {
    throw error instanceof NotDecodable ? new NotText(error.charset) : error;
  }
}

async function collect({
  next: encoded,
  charset,
  isSequence,
  caps,
  remedy,
  isCheckedByItem,
}: JsonSource): Promise<JsonSpan | undefined> {
  const { next } = await utf8Of({ next: encoded, charset, guess: jsonCharset });
  const gauge = createJsonGauge(caps.document, remedy, isSequence);
  const collected = createByteCollector();
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    if (collected.length + piece.length > caps.documentBytes) {
      const megabytes = caps.documentBytes / 1024 / 1024;
      throw new ConnectorError('too_large', `The JSON document is larger than ${megabytes} MB.`, { remedy });
    }
    collected.append(piece);
    try {
      gauge.push(piece);
    } catch (error) {
      throw error instanceof NotJson ? new MisplacedJson(collected.take(), error) : error;
    }
  }
  if (gauge.isBlank()) return undefined;
  const bytes = collected.take();
  try {
    gauge.end();
  } catch (error) {
    throw error instanceof NotJson ? new MisplacedJson(bytes, error) : error;
  }
  if (!isCheckedByItem) assertUtf8(bytes);
  return wholeSpan(bytes);
}

/** Where a document is not valid JSON, for messages. Lines and characters count from 1. */
export class MisplacedJson extends SyntaxError {
  override name = 'MisplacedJson';
  readonly line: number;
  readonly character: number;

  /** @param text UTF-8 from the start to past the error */
  constructor(text: Buffer, { offset = text.length }: NotJson) {
    super();
    const before = text.subarray(0, offset);
    let line = 1;
    let start = 0;
    for (let at = before.indexOf(lineFeed); at >= 0; at = before.indexOf(lineFeed, at + 1)) {
      line += 1;
      start = at + 1;
    }
    this.line = line;
    this.character = [...before.subarray(start).toString()].length + 1;
  }
}

const lineFeed = 0x0a;

/** @throws NotText */
export function assertUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new NotText('utf-8');
}

/** Text that is too short to exceed a cap is not measured. */
const measuredBytesMin = 16 * 1024;

const remedyForRecords = 'Leave the large member out at the source, or split the record.';

/** @throws ConnectorError `too_large` for a record beyond its caps, SyntaxError for invalid JSON */
export function assertRecord(record: Uint8Array, caps: JsonCaps): void {
  if (record.length < measuredBytesMin) return;
  const gauge = createJsonGauge(caps, remedyForRecords);
  gauge.push(record);
  gauge.end();
}

/** Like `assertRecord`, for text. */
export function assertRecordText(record: string, caps: JsonCaps): void {
  if (record.length >= measuredBytesMin) assertRecord(Buffer.from(record), caps);
}

/**
 * One record of a document or a line, each value exact.
 * @throws ConnectorError `too_large` beyond its caps, SyntaxError for a malformed value, DoubledName
 */
export function recordOf(span: JsonSpan, caps: Pick<ParsingCaps, 'recordBytes' | 'record'>): JsonRecord {
  const { bytes, start, end } = span;
  if (end - start > caps.recordBytes) throw recordTooLarge(caps.recordBytes);
  assertRecord(bytes.subarray(start, end), caps.record);
  return parseRecord(span);
}

/** For a record, row or line beyond the cap. */
export function recordTooLarge(bytesMax: number, cause?: unknown): ConnectorError {
  const megabytes = bytesMax / 1024 / 1024;
  return new ConnectorError('too_large', `A record of the source is longer than ${megabytes} MB.`, {
    cause,
    remedy: 'Look for a quote that is never closed, or split the data differently.',
  });
}
