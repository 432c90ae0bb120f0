import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Compressors, FileMetaData, RowGroup } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { compressors, decompressZstd } from 'hyparquet-compressors';
import { ConnectorError } from '../../spec/errors.js';
import { depthMax, parquetLimits } from './limits.js';
import type { ByteRanges } from './stored-file.js';

// hyparquet allocates what a file's headers claim. A file is somebody else's, so the claims are checked first.

function tooLarge(what: string): ConnectorError {
  return new ConnectorError('too_large', `The Parquet file has ${what}.`, {
    remedy: 'Write the file with smaller row groups and pages.',
  });
}

/** Ranges that refuse to read more than `bytesMax` at once. */
export function cappedRanges(ranges: ByteRanges, bytesMax: number, what: string): ByteRanges {
  return {
    byteLength: ranges.byteLength,
    slice: async (start, end) => {
      if (end - start > bytesMax) throw tooLarge(what);
      return ranges.slice(start, end);
    },
  };
}

/** @throws ConnectorError `too_large` for a schema with too many elements or too deep nesting. */
export function assertSchema({ schema }: FileMetaData): void {
  if (schema.length > parquetLimits.schemaElementsMax) throw tooLarge('too many columns');
  const open: number[] = [];
  for (const element of schema) {
    while (open.at(-1) === 0) open.pop();
    const above = open.pop();
    if (above !== undefined) open.push(above - 1);
    if (element.num_children) open.push(element.num_children);
    if (open.length > depthMax) throw tooLarge(`columns nested deeper than ${depthMax} levels`);
  }
}

interface Span {
  start: number;
  end: number;
}

function chunkSpans(group: RowGroup): Span[] {
  return group.columns.flatMap(({ meta_data: meta }) => {
    if (!meta) return [];
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    return [{ start, end: start + Number(meta.total_compressed_size) }];
  });
}

/** Walks the page headers from `span.start`; returns the number of values that the pages claim. */
function checkPages(buffer: ArrayBuffer, span: Span): number {
  const reader = { view: new DataView(buffer, 0, span.end), offset: span.start };
  let values = 0;
  while (reader.offset < span.end - 1) {
    const header = parquetHeader(reader);
    const page = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
    const claimed = page?.num_values ?? 0;
    const sizes = [claimed, header.compressed_page_size, header.uncompressed_page_size];
    if (sizes.some((size) => !(size >= 0))) throw new Error('a page claims a negative size');
    if (claimed > parquetLimits.pageValuesMax) throw tooLarge('a page with too many values');
    if (header.uncompressed_page_size > parquetLimits.pageBytesMax)
      throw tooLarge('a page that is too large');
    values += claimed;
    reader.offset += header.compressed_page_size;
  }
  return values;
}

/**
 * The bytes of one row group: every range is fetched once, kept while the row group is read, and its page
 * headers are checked before anything is decoded. Whole column chunks only: no offset index.
 */
export function rowGroupRanges(ranges: ByteRanges, group: RowGroup, isNested: boolean): ByteRanges {
  const spans = chunkSpans(group);
  const cache = new Map<string, Promise<ArrayBuffer>>();
  let values = 0;
  const load = async (start: number, end: number) => {
    if (end - start > parquetLimits.rangeBytesMax) throw tooLarge('a column chunk that is too large');
    const buffer = await ranges.slice(start, end);
    for (const span of spans) {
      if (span.start < start || span.end > end) continue;
      values += checkPages(buffer, { start: span.start - start, end: span.end - start });
    }
    if (isNested && values > parquetLimits.nestedValuesMax) throw tooLarge('too many values in a row group');
    return buffer;
  };
  return {
    byteLength: ranges.byteLength,
    slice: (start, end) => {
      const key = `${start}-${end}`;
      const loaded = cache.get(key) ?? load(start, end);
      cache.set(key, loaded);
      return loaded;
    },
  };
}

const bounded = (maxOutputLength: number) => ({ maxOutputLength: Math.max(1, maxOutputLength) });

/** Decompressors that never write more than the page header claims; the claim itself is checked before. */
export const boundedCompressors: Compressors = {
  ...compressors,
  GZIP: (input, length) => gunzipSync(input, bounded(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, bounded(length)),
  ZSTD: (input, length) => decompressZstd(input, new Uint8Array(length)),
};
