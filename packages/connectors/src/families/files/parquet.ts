import type { Cell, Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { ReadRequest } from '../../interface/plan.js';
import { quoted } from '../../kit/json/failures.js';
import { columnsMax } from './limits.js';
import { openChunks } from './parquet-bytes.js';
import {
  asConnectorError,
  brokenParquet,
  encryptedParquet,
  failureAt,
  tooLargeParquet,
} from './parquet-errors.js';
import { type Footer, readFooter, type SchemaNode } from './parquet-footer.js';
import { LeafReader, type Share } from './parquet-leaf.js';
import { type ParquetCaps, parquetCaps, parquetLimits } from './parquet-limits.js';
import { ParquetMemory, weightOf } from './parquet-memory.js';
import { PageReader } from './parquet-pages.js';
import { openRecords, shapeOf } from './parquet-records.js';
import { isNested, leafPlan } from './parquet-types.js';
import { project } from './projection.js';
import { type FileRows, type Portion, textPortion } from './row-stream.js';
import type { ByteRanges } from './stored-file.js';

const trailerBytes = 8;
const smallestFileBytes = 12;
const firstGuessBytes = 64 * 1024;
/** Columns that are fetched concurrently. */
const columnsAtOnce = 8;

/** An error of a decoder means that the file is broken. */
function decoded<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    throw asConnectorError(error);
  }
}

/** The footer, without the little-endian length and the magic `PAR1` after it. */
async function fetchFooter({ byteLength, slice }: ByteRanges): Promise<Uint8Array> {
  if (byteLength < smallestFileBytes) throw brokenParquet('too short');
  const guessStart = Math.max(0, byteLength - firstGuessBytes);
  const guess = Buffer.from(await slice(guessStart, byteLength));
  const magic = guess.subarray(-4).toString('latin1');
  if (magic === 'PARE') throw encryptedParquet('The Parquet file');
  if (magic !== 'PAR1') throw brokenParquet('it does not end with PAR1');
  const bytes = guess.readUInt32LE(guess.length - trailerBytes);
  if (bytes + trailerBytes > byteLength) throw brokenParquet('footer longer than the file');
  if (bytes > parquetLimits.footerBytesMax) throw tooLargeParquet('a footer that is too large');
  if (bytes + trailerBytes <= guess.length) return guess.subarray(-bytes - trailerBytes, -trailerBytes);
  return new Uint8Array(await slice(byteLength - bytes - trailerBytes, byteLength - trailerBytes));
}

function assertColumns({ columns }: Footer): void {
  if (columns.length > columnsMax) throw tooLargeParquet(`more than ${columnsMax} columns`);
  if (new Set(columns.map(({ element }) => element.name)).size !== columns.length) {
    throw new ConnectorError('unsupported', 'The Parquet file has two columns with the same name.', {
      remedy: 'Rewrite the file with a unique name for each column.',
    });
  }
}

/**
 * Reads a Parquet file: the footer first, then, row group by row group, one page at a time of each requested column.
 * Values are decoded on demand, so memory follows the pages and a step, not claimed counts.
 *
 * @throws ConnectorError `protocol_error` for broken files, `too_large` beyond a cap, `unsupported` for unknown types.
 * Errors of the ranges pass unchanged.
 */
export async function readParquet(
  ranges: ByteRanges,
  request: Pick<ReadRequest, 'columns' | 'limit'> & { isPreview?: boolean },
  signal: AbortSignal,
): Promise<FileRows> {
  const bytes = await fetchFooter(ranges);
  const footer = decoded(() => readFooter(bytes));
  const caps = parquetCaps(request);
  assertColumns(footer);
  const named = footer.columns.map(
    ({ element: { name, repetition_type } }): Column => ({
      name,
      type: 'json',
      nullable: repetition_type !== 'REQUIRED',
    }),
  );
  const { columns: wanted, indexes } = project(named, request.columns);
  const nodes = indexes.flatMap((index) => footer.columns[index] ?? []);
  // Other columns may have unsupported types.
  const columns = nodes.map((node, at) => ({ ...(wanted[at] as Column), ...shapeOf(node, caps.json) }));
  const file = { ranges, footer, signal, memory: new ParquetMemory(), caps };
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  return { columns, portions: portions(file, nodes, limit), file: { format: 'parquet' } };
}

interface OpenFile {
  ranges: ByteRanges;
  footer: Footer;
  signal: AbortSignal;
  memory: ParquetMemory;
  caps: ParquetCaps;
}

type Group = Footer['groups'][number];

interface OpenGroup {
  leaves: LeafReader[];
  cells: (() => Cell)[];
}

interface PlacedGroup {
  group: Group;
  /** Rows of the file before this row group. */
  rowsBefore: number;
}

async function openGroup(
  { ranges, footer, memory, caps }: OpenFile,
  columns: readonly SchemaNode[],
  { group, rowsBefore }: PlacedGroup,
): Promise<OpenGroup> {
  const wanted = columns.flatMap((node) =>
    footer.leaves.slice(node.firstLeaf, node.endLeaf).map((leaf) => ({ leaf, column: node.element.name })),
  );
  const chunks = wanted.map(({ leaf, column }) => {
    const chunk = group.chunks[leaf.firstLeaf];
    if (chunk) return chunk;
    throw encryptedParquet(`Column ${quoted(column)} of the Parquet file`);
  });
  const opened = await openChunks(ranges, chunks);
  // Indexed by the position of the leaf in the file.
  const all: LeafReader[] = [];
  const leaves = opened.map((bytes, index) => {
    const { leaf, column } = wanted[index] as (typeof wanted)[number];
    const pages = new PageReader(bytes, leaf, leafPlan(leaf.element, caps.json).convert, memory);
    const reader = new LeafReader({ node: leaf, pages, memory, caps, place: { column, rowsBefore } });
    all[leaf.firstLeaf] = reader;
    return reader;
  });
  const cells = columns.map((node) => {
    if (isNested(node)) return placed(openRecords(node, all, caps.json), node.element.name, rowsBefore);
    const leaf = all[node.firstLeaf] as LeafReader;
    return () => leaf.nextFlat() ?? null;
  });
  return { leaves, cells };
}

/** Adds the place to failures of records. */
function placed(next: () => Cell, column: string, rowsBefore: number): () => Cell {
  let row = rowsBefore;
  return () => {
    row += 1;
    try {
      return next();
    } catch (error) {
      throw failureAt(error, { column, row });
    }
  };
}

/** What one leaf may decode ahead, so that all leaves together stay within a step. */
function shareOf(leaves: number, rows: number): Share {
  const cells = Math.max(1, Math.floor(parquetLimits.stepCells / Math.max(1, leaves)));
  const bytes = Math.max(1, Math.floor(parquetLimits.stepBytes / Math.max(1, leaves)));
  return { rows: Math.min(rows, cells), cells, bytes };
}

async function fillAll(leaves: readonly LeafReader[], share: Share): Promise<number> {
  for (let from = 0; from < leaves.length; from += columnsAtOnce) {
    await Promise.all(leaves.slice(from, from + columnsAtOnce).map((leaf) => leaf.fill(share)));
  }
  return leaves.reduce((least, { ready }) => Math.min(least, ready), share.rows);
}

/** At most `count` rows, and no more bytes than one step allows. */
function makeRows(
  cells: OpenGroup['cells'],
  count: number,
  { rowBytes: rowBytesMax }: ParquetCaps,
): { rows: Row[]; bytes: number } {
  const rows: Row[] = [];
  let bytes = 0;
  while (rows.length < count && bytes < parquetLimits.stepBytes) {
    let rowBytes = 0;
    const row = cells.map((cell) => {
      const value = cell();
      rowBytes += weightOf(value);
      if (rowBytes > rowBytesMax) throw tooLargeParquet('a row that is too large');
      return value;
    });
    rows.push(row);
    bytes += rowBytes;
  }
  return { rows, bytes };
}

async function* portions(
  file: OpenFile,
  columns: readonly SchemaNode[],
  limit: number,
): AsyncGenerator<Portion> {
  let left = limit;
  let rowsBefore = 0;
  for (const group of file.footer.groups) {
    const rows = Math.min(left, group.rows);
    if (rows > 0) yield* groupPortions(file, columns, { group, rowsBefore }, rows);
    left -= rows;
    rowsBefore += group.rows;
  }
}

async function* groupPortions(
  file: OpenFile,
  columns: readonly SchemaNode[],
  group: PlacedGroup,
  rows: number,
): AsyncGenerator<Portion> {
  const { leaves, cells } = await openGroup(file, columns, group);
  try {
    for (let left = rows; left > 0; ) {
      if (file.signal.aborted) throw new ConnectorError('cancelled', 'The file was closed.');
      const ready = await fillAll(leaves, shareOf(leaves.length, left)).catch((error: unknown) => {
        throw asConnectorError(error);
      });
      if (ready === 0) throw brokenParquet('rows are missing');
      const made = decoded(() => makeRows(cells, ready, file.caps));
      left -= made.rows.length;
      yield textPortion(made.rows, made.bytes);
    }
  } finally {
    for (const leaf of leaves) leaf.close();
  }
}
