import type { JsonCaps } from './gauge.js';

const mebibyte = 1024 * 1024;

/** Caps on a source's JSON, and on records in any text format. */
export interface ParsingCaps {
  /** A JSON document after decompression: a file or a response. */
  documentBytes: number;
  document: JsonCaps;
  /** A row of JSON, or a record of CSV. */
  recordBytes: number;
  record: JsonCaps;
}

const depth = 128;
const tokenBytes = 4 * 1024;

const ofReads: ParsingCaps = {
  documentBytes: 64 * mebibyte,
  document: { depth, tokenBytes, values: 10_000_000, names: 10_000_000 },
  recordBytes: 8 * mebibyte,
  record: { depth, tokenBytes, values: 1_000_000, names: 100_000 },
};

/** A preview shows a few rows and a test none, so larger caps would not help their callers. */
const ofPreviews: ParsingCaps = {
  documentBytes: 16 * mebibyte,
  document: { depth, tokenBytes, values: 2_000_000, names: 2_000_000 },
  recordBytes: 2 * mebibyte,
  record: { depth, tokenBytes, values: 100_000, names: 20_000 },
};

/** @param request the read; tests and browsing have the caps of previews */
export const parsingCaps = (request: { isPreview?: boolean }): ParsingCaps =>
  request.isPreview === true ? ofPreviews : ofReads;
