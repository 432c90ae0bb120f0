import type { IncomingMessage } from 'node:http';
import accepts from 'accepts';

/** Formats of rows in answers. */
export type StreamFormat = 'ndjson' | 'ndjson-with-columns' | 'csv' | 'csv-for-spreadsheets' | 'arrow';

/** What the body of a read can be: rows in a format, or the bytes of a file as they are stored. */
export type ReadFormat = StreamFormat | 'bytes';

/** In order of preference, where the caller leaves the choice to the server. */
const canonicalTypes = {
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
  'application/vnd.apache.arrow.stream': 'arrow',
} as const satisfies Record<string, StreamFormat>;

/** Media types in use for newline-delimited JSON; a caller that accepts only JSON gets it too. */
const aliases: Readonly<Record<string, StreamFormat>> = {
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/json': 'ndjson',
};

const formatOf = new Map<string, StreamFormat>(Object.entries({ ...canonicalTypes, ...aliases }));

/** No wildcard matches it: it is an answer to another question. */
const bytesType = 'application/octet-stream';

/** Value of the parameter `formulas` of a CSV media range. */
const csvFormats: Readonly<Record<string, StreamFormat>> = { keep: 'csv', escape: 'csv-for-spreadsheets' };

/** @returns undefined for an unknown value */
function csvFormat(accept: string): StreamFormat | undefined {
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (type !== 'text/csv') continue;
    const formulas = parameters.find((parameter) => /^formulas\s*=/.test(parameter));
    if (formulas !== undefined)
      return csvFormats[formulas.replace(/^formulas\s*=\s*/, '').replaceAll('"', '')];
  }
  return 'csv';
}

/**
 * The format that an `Accept` header requests, by its weights (RFC 9110, section 12.5.1).
 * @param accept absent or empty: NDJSON
 * @returns undefined when no format is acceptable (status 406)
 */
export function negotiate(accept: string | undefined): ReadFormat | undefined {
  const format = negotiated(accept);
  return format === 'csv' && accept !== undefined ? csvFormat(accept) : format;
}

function negotiated(accept: string | undefined): ReadFormat | undefined {
  if (accept === undefined || accept.trim() === '') return 'ndjson';
  // The library reads only the headers of a request.
  const negotiator = accepts({ headers: { accept } } as IncomingMessage);
  const ranges = negotiator.types();
  for (const range of Array.isArray(ranges) ? ranges : []) {
    const named = formatOf.get(range.toLowerCase());
    if (named) return named;
    if (range.toLowerCase() === bytesType) return 'bytes';
    if (!range.includes('*')) continue;
    // Lets the library match the wildcard, so that a type with weight 0 is excluded.
    const matched = negotiator.types(Object.keys(canonicalTypes));
    if (typeof matched === 'string') return formatOf.get(matched);
  }
  return undefined;
}

const contentTypes: Readonly<Record<ReadFormat, string>> = {
  ndjson: 'application/x-ndjson',
  'ndjson-with-columns': 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
  'csv-for-spreadsheets': 'text/csv; charset=utf-8; header=present; formulas=escape',
  arrow: 'application/vnd.apache.arrow.stream',
  bytes: bytesType,
};

/** Value of the `Content-Type` header. */
export const contentTypeOf = (format: ReadFormat): string => contentTypes[format];
