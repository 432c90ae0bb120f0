import type { DecodedArray } from 'hyparquet';
import type { ReadRequest } from '../../spec/connector.js';
import type { Column, JsonValue, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { columnsMax, parquetLimits } from './limits.js';
import { brokenParquet, type ParquetDecoder, startParquetDecoder } from './parquet-decoder.js';
import { type ColumnPlan, columnPlan } from './parquet-types.js';
import type { FileShape, GroupShape, RowWindow } from './parquet-worker.js';
import { project } from './projection.js';
import type { FileRows } from './row-stream.js';
import type { ByteRanges } from './stored-file.js';

const trailerBytes = 8;
const smallestFileBytes = 12;
const firstGuessBytes = 64 * 1024;

function tooLarge(what: string): ConnectorError {
  return new ConnectorError('too_large', `The Parquet file has ${what}.`, {
    remedy: 'Write the file with smaller row groups, or read fewer columns.',
  });
}

/** The footer and the trailer behind it: length of the footer, little-endian, and the magic `PAR1`. */
async function fetchFooter({ byteLength, slice }: ByteRanges): Promise<ArrayBuffer> {
  if (byteLength < smallestFileBytes) throw brokenParquet('too short');
  const guessStart = Math.max(0, byteLength - firstGuessBytes);
  const guess = Buffer.from(await slice(guessStart, byteLength));
  if (guess.subarray(-4).toString('latin1') !== 'PAR1') throw brokenParquet('no magic at the end');
  const bytes = guess.readUInt32LE(guess.length - trailerBytes) + trailerBytes;
  if (bytes > byteLength) throw brokenParquet('footer longer than the file');
  if (bytes > parquetLimits.footerBytesMax) throw tooLarge('a footer that is too large');
  if (bytes <= guess.length) return Uint8Array.from(guess.subarray(-bytes)).buffer;
  return slice(byteLength - bytes, byteLength);
}

interface PlannedColumn extends Column {
  plan: ColumnPlan;
}

function planColumns({ columns }: FileShape): PlannedColumn[] {
  if (columns.length > columnsMax) throw tooLarge(`more than ${columnsMax} columns`);
  if (new Set(columns.map(({ name }) => name)).size !== columns.length) {
    throw new ConnectorError('unsupported', 'The Parquet file has two columns of the same name.');
  }
  return columns.map((shape) => {
    const plan = columnPlan(shape);
    return { name: shape.name, type: plan.type, nullable: shape.repetition_type !== 'REQUIRED', plan };
  });
}

interface Span {
  start: number;
  end: number;
}

/** Neighbouring small chunks are fetched together: a request costs more than a few bytes too many. */
function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (
      last &&
      start <= last.end + parquetLimits.gapBytes &&
      end - last.start <= parquetLimits.mergedBytesMax
    ) {
      last.end = Math.max(last.end, end);
    } else {
      merged.push({ start, end });
    }
  }
  return merged;
}

async function loadGroup(
  decoder: ParquetDecoder,
  { byteLength, slice }: ByteRanges,
  group: GroupShape,
  names: ReadonlySet<string>,
): Promise<void> {
  const wanted = group.chunks.filter(({ column }) => names.has(column));
  if (wanted.some(({ start, end }) => !(start >= 0 && end >= start && end <= byteLength))) {
    throw brokenParquet('a column chunk outside the file');
  }
  const spans = mergeSpans(wanted);
  const total = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  if (total > parquetLimits.groupBytesMax) throw tooLarge('a row group that is too large');
  const chunks: { start: number; bytes: ArrayBuffer }[] = [];
  for (const { start, end } of spans) chunks.push({ start, bytes: await slice(start, end) });
  await decoder.load(chunks);
}

/** Rows of a window, by cells and by bytes. */
function windowRows({ rows, chunks }: GroupShape, names: ReadonlySet<string>): number {
  const bytes = chunks.reduce((sum, chunk) => sum + (names.has(chunk.column) ? chunk.bytes : 0), 0);
  const byCells = parquetLimits.windowCells / Math.max(1, names.size);
  const byBytes = parquetLimits.windowBytes / Math.max(1, bytes / rows);
  return Math.max(1, Math.floor(Math.min(byCells, byBytes, rows)));
}

function toRows(values: DecodedArray[], columns: readonly PlannedColumn[], count: number): Row[] {
  return Array.from({ length: count }, (_, at) =>
    columns.map(({ plan }, index): JsonValue => {
      const value: unknown = values[index]?.[at];
      return value === null || value === undefined ? null : plan.convert(value);
    }),
  );
}

/**
 * Reads a Parquet file: the footer first, then row group by row group the chunks of the wanted columns,
 * decoded in steps in a thread of its own. That thread ends with the rows, or when `signal` is aborted.
 *
 * @throws ConnectorError `protocol_error` for broken files, `too_large` beyond a cap, `unsupported` for
 * unknown types. Errors of the ranges pass unchanged.
 */
export async function readParquet(
  ranges: ByteRanges,
  { columns: wanted, limit }: Pick<ReadRequest, 'columns' | 'limit'>,
  signal: AbortSignal,
): Promise<FileRows & { close: () => void }> {
  const footer = await fetchFooter(ranges);
  const decoder = startParquetDecoder();
  signal.addEventListener('abort', decoder.close, { once: true });
  const close = () => {
    signal.removeEventListener('abort', decoder.close);
    decoder.close();
  };
  try {
    signal.throwIfAborted();
    const shape = await decoder.footer(footer);
    const all = planColumns(shape);
    const { columns, indexes } = project(
      all.map(({ name, type, nullable }) => ({ name, type, nullable })),
      wanted,
    );
    const planned = indexes.flatMap((index) => all[index] ?? []);
    const source = { decoder, ranges, groups: shape.groups, limit: limit ?? Number.POSITIVE_INFINITY };
    await decoder.plan({
      columns: planned.map(({ name }) => name),
      raw: planned.flatMap(({ name, plan }) => (plan.isRaw ? [name] : [])),
      byteLength: ranges.byteLength,
    });
    return { columns, portions: portions(source, planned), close };
  } catch (error) {
    close();
    throw error;
  }
}

interface DecoderSource {
  decoder: ParquetDecoder;
  ranges: ByteRanges;
  groups: readonly GroupShape[];
  limit: number;
}

async function* portions(
  { decoder, ranges, groups, limit }: DecoderSource,
  columns: readonly PlannedColumn[],
): AsyncGenerator<readonly Row[]> {
  const names = new Set(columns.map(({ name }) => name));
  const step = Math.max(1, Math.floor(parquetLimits.stepCells / Math.max(1, columns.length)));
  let begin = 0;
  for (const group of groups) {
    if (begin >= limit) return;
    if (group.rows <= 0) continue;
    const end = begin + group.rows;
    const last = Math.min(end, limit);
    await loadGroup(decoder, ranges, group, names);
    const width = windowRows(group, names);
    for (let from = begin; from < last; from += width) {
      const to = Math.min(from + width, last);
      // Nested values cannot be found without decoding all before them, so their window is the row group.
      const windows = columns.map(({ plan }): RowWindow => (plan.isNested ? [begin, end] : [from, to]));
      for (let rowStart = from; rowStart < to; rowStart += step) {
        const rowEnd = Math.min(rowStart + step, to);
        const values = await decoder.read({ rowStart, rowEnd, windows });
        yield toRows(values, columns, rowEnd - rowStart);
      }
    }
    begin = end;
  }
}
