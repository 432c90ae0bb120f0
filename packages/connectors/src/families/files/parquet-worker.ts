import type { MessagePort } from 'node:worker_threads';
import type { DecodedArray, FileMetaData, ParquetScan, SchemaElement } from 'hyparquet';

/** A top-level column as the file declares it. */
export interface ColumnShape extends SchemaElement {
  isGroup: boolean;
}

export interface GroupShape {
  rows: number;
  /** Where the chunks of the columns are; a group column has several. */
  chunks: { column: string; start: number; end: number; bytes: number }[];
}

/** What a footer says. */
export interface FileShape {
  columns: ColumnShape[];
  groups: GroupShape[];
}

/** A question to the decoder; it answers one at a time. */
export type Ask =
  | { kind: 'footer'; bytes: ArrayBuffer }
  /** `raw`: columns whose annotations are dropped, so that values come as they are stored. */
  | { kind: 'plan'; columns: string[]; raw: string[]; byteLength: number }
  /** Replaces the bytes at hand: chunks of one row group. */
  | { kind: 'load'; chunks: { start: number; bytes: ArrayBuffer }[] }
  /**
   * Values of rows `rowStart` to `rowEnd`, out of windows that are decoded at once and kept: pages are larger
   * than a step, and decoding them again for each step would cost more than anything else.
   */
  | { kind: 'read'; rowStart: number; rowEnd: number; windows: RowWindow[] };

/** First row and the row behind the last, for one column. */
export type RowWindow = readonly [rowStart: number, rowEnd: number];

export type Answer =
  | { ok: true; value: FileShape | DecodedArray[] | undefined }
  | { ok: false; reason: string };

/**
 * The program of the decoding thread. It is handed over as source text, so it uses nothing but its parameters
 * and globals.
 */
export function parquetWorker(
  port: MessagePort,
  hyparquet: typeof import('hyparquet'),
  { compressors }: typeof import('hyparquet-compressors'),
): void {
  let metadata: FileMetaData | undefined;
  let scan: ParquetScan | undefined;
  let planned: string[] = [];
  let loaded = new Map<number, ArrayBuffer>();
  // Timestamps of nanoseconds and INT96 lose digits as dates, so they are handed over as they are.
  const parsers = { timestampFromNanoseconds: (value: bigint) => value };

  /** Binary values are views of whole pages; only their own bytes are sent. */
  const compact = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return value.slice();
    if (Array.isArray(value)) return value.map(compact);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, compact(item)]));
  };
  const known = () => {
    if (!metadata) throw new Error('no footer');
    return metadata;
  };
  const footer = (bytes: ArrayBuffer): FileShape => {
    metadata = hyparquet.parquetMetadata(bytes, { geoparquet: false, parsers });
    const { children } = hyparquet.parquetSchema(metadata);
    const groups = metadata.row_groups.map(({ num_rows, columns }) => ({
      rows: Number(num_rows),
      chunks: columns.flatMap(({ meta_data: meta }) => {
        if (!meta) return [];
        const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
        const end = start + Number(meta.total_compressed_size);
        const bytes = Number(meta.total_uncompressed_size);
        return [{ column: meta.path_in_schema[0] ?? '', start, end, bytes }];
      }),
    }));
    return {
      columns: children.map(({ element, children: inner }) => ({ ...element, isGroup: inner.length > 0 })),
      groups,
    };
  };
  const plan = async (columns: string[], raw: string[], byteLength: number) => {
    for (const { element } of hyparquet.parquetSchema(known()).children) {
      if (!raw.includes(element.name)) continue;
      delete element.converted_type;
      delete element.logical_type;
    }
    const slice = (start: number, end = byteLength) => {
      for (const [at, bytes] of loaded) {
        if (at === start && at + bytes.byteLength === end) return bytes;
        if (at <= start && end <= at + bytes.byteLength) return bytes.slice(start - at, end - at);
      }
      throw new Error('bytes are missing');
    };
    const file = { byteLength, slice };
    const options = { file, metadata: known(), columns, compressors, parsers };
    scan = await hyparquet.parquetScan({ ...options, utf8: false, geoparquet: false, useOffsetIndex: false });
    planned = columns;
  };
  const read = async (ask: Extract<Ask, { kind: 'read' }>): Promise<DecodedArray[]> => {
    const { rowStart, rowEnd, windows } = ask;
    const values: DecodedArray[] = [];
    for (const [index, column] of planned.entries()) {
      const window = windows[index];
      if (!scan || !window) throw new Error('no plan');
      await scan.readColumn({ column, rowStart: window[0], rowEnd: window[1] });
      const data = await scan.readColumn({ column, rowStart, rowEnd });
      if (data.length !== rowEnd - rowStart) throw new Error('rows are missing');
      values.push(Array.isArray(data) ? data.map(compact) : data.slice());
    }
    return values;
  };
  const answer = async (ask: Ask): Promise<FileShape | DecodedArray[] | undefined> => {
    if (ask.kind === 'footer') return footer(ask.bytes);
    if (ask.kind === 'read') return read(ask);
    if (ask.kind === 'plan') await plan(ask.columns, ask.raw, ask.byteLength);
    else loaded = new Map(ask.chunks.map(({ start, bytes }) => [start, bytes]));
    return undefined;
  };
  port.on('message', (ask: Ask) => {
    answer(ask)
      .then((value) => port.postMessage({ ok: true, value }))
      .catch((error: unknown) => port.postMessage({ ok: false, reason: String(error).slice(0, 200) }));
  });
}
