import type { JsonValue } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { createByteCollector } from '../byte-collector.js';
import type { ParsingCaps } from './caps.js';
import { createJsonGauge, type JsonCaps } from './gauge.js';
import { type JsonSpan, parseSpan, wholeSpan } from './spans.js';

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Where a document comes from. */
export interface JsonSource {
  /** Next bytes, undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  caps: Pick<ParsingCaps, 'documentBytes' | 'document'>;
  /** What to do about a document beyond the caps. */
  remedy: string;
}

/**
 * Collects a JSON document that was measured as it came; its values are made one by one by whoever looks for them.
 * @returns undefined for nothing but white space
 * @throws ConnectorError `too_large` beyond the caps, SyntaxError where it is no JSON
 */
export async function collectJson({ next, caps, remedy }: JsonSource): Promise<JsonSpan | undefined> {
  const gauge = createJsonGauge(caps.document, remedy);
  const collected = createByteCollector();
  let marks = 0;
  for (let piece = await next(); piece !== undefined; piece = await next()) {
    while (piece.length > 0 && marks < byteOrderMark.length && piece[0] === byteOrderMark[marks]) {
      piece = piece.subarray(1);
      marks += 1;
    }
    if (piece.length > 0) marks = byteOrderMark.length;
    if (collected.length + piece.length > caps.documentBytes) {
      const megabytes = caps.documentBytes / 1024 / 1024;
      throw new ConnectorError('too_large', `JSON is read up to ${megabytes} MB here.`, { remedy });
    }
    gauge.push(piece);
    collected.append(piece);
  }
  if (gauge.isBlank()) return undefined;
  gauge.end();
  return wholeSpan(collected.take());
}

/** Text that is too short to break a cap is not measured. */
const measuredBytesMin = 16 * 1024;

const remedyForRecords = 'Leave the large member out at the source, or split the record.';

/** @throws ConnectorError `too_large` for a record beyond its caps, SyntaxError where it is no JSON */
export function assertRecord(record: Uint8Array, caps: JsonCaps): void {
  if (record.length < measuredBytesMin) return;
  const gauge = createJsonGauge(caps, remedyForRecords);
  gauge.push(record);
  gauge.end();
}

/** As `assertRecord`, for text. */
export function assertRecordText(record: string, caps: JsonCaps): void {
  if (record.length >= measuredBytesMin) assertRecord(Buffer.from(record), caps);
}

/**
 * The value of one record of a document.
 * @throws ConnectorError `too_large` beyond its caps, SyntaxError for what is spelt wrong in it
 */
export function recordOf(span: JsonSpan, caps: Pick<ParsingCaps, 'recordBytes' | 'record'>): JsonValue {
  const { bytes, start, end } = span;
  if (end - start > caps.recordBytes) throw recordTooLarge(caps.recordBytes);
  assertRecord(bytes.subarray(start, end), caps.record);
  return parseSpan(span);
}

/** A record, row or line beyond the cap. */
export function recordTooLarge(bytesMax: number, cause?: unknown): ConnectorError {
  const megabytes = bytesMax / 1024 / 1024;
  return new ConnectorError('too_large', `A record of the source is longer than ${megabytes} MB.`, {
    cause,
    remedy: 'Look for a quote that is never closed, or split the data differently.',
  });
}
