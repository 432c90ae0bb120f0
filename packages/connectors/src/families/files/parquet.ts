import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type RowGroup,
} from 'hyparquet';
import type { ReadRequest } from '../../spec/connector.js';
import type { Column, JsonValue, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { parquetLimits } from './limits.js';
import { assertSchema, boundedCompressors, cappedRanges, rowGroupRanges } from './parquet-guard.js';
import { type ColumnPlan, columnPlan, parquetParsers } from './parquet-types.js';
import { project } from './projection.js';
import type { FileRows } from './row-stream.js';
import type { ByteRanges } from './stored-file.js';

const smallestFileBytes = 12;

/** Anything that hyparquet throws comes from the file's content; its texts may quote it, so they are not shown. */
function broken(error: unknown): unknown {
  if (error instanceof ConnectorError) return error;
  return new ConnectorError('protocol_error', 'The file is not a Parquet file that can be read.', {
    cause: error,
  });
}

async function readFooter(ranges: ByteRanges): Promise<FileMetaData> {
  if (ranges.byteLength < smallestFileBytes) throw broken(undefined);
  const footer = cappedRanges(ranges, parquetLimits.footerBytesMax, 'a footer that is too large');
  try {
    const metadata = await parquetMetadataAsync(footer, { geoparquet: false, parsers: parquetParsers });
    assertSchema(metadata);
    return metadata;
  } catch (error) {
    throw broken(error);
  }
}

interface PlannedColumn extends Column {
  plan: ColumnPlan;
}

/** Plans the columns and strips the annotations of those whose raw values we convert ourselves. */
function planColumns(metadata: FileMetaData): PlannedColumn[] {
  const columns = parquetSchema(metadata).children.map((column): PlannedColumn => {
    const { element } = column;
    const plan = columnPlan(column);
    if (plan.isRaw) {
      delete element.converted_type;
      delete element.logical_type;
    }
    return { name: element.name, type: plan.type, nullable: element.repetition_type !== 'REQUIRED', plan };
  });
  if (new Set(columns.map(({ name }) => name)).size !== columns.length) {
    throw new ConnectorError('unsupported', 'The Parquet file has two columns of the same name.');
  }
  return columns;
}

/** Rows to decode in one go: all of a row group with nested columns, else by cells and bytes. */
function stepRows(group: RowGroup, columns: readonly PlannedColumn[]): number {
  const groupRows = Number(group.num_rows);
  if (columns.some(({ plan }) => plan.isNested)) return groupRows;
  const names = new Set(columns.map(({ name }) => name));
  const bytes = group.columns
    .map(({ meta_data: meta }) => (meta && names.has(meta.path_in_schema[0] ?? '') ? meta : undefined))
    .reduce((sum, meta) => sum + Number(meta?.total_uncompressed_size ?? 0), 0);
  const byCells = parquetLimits.stepCells / Math.max(1, columns.length);
  const byBytes = parquetLimits.stepBytes / Math.max(1, bytes / Math.max(1, groupRows));
  return Math.max(1, Math.floor(Math.min(byCells, byBytes, groupRows)));
}

function convertRow(cells: unknown[], columns: readonly PlannedColumn[]): Row {
  return columns.map(({ plan }, index): JsonValue => {
    const value = cells[index];
    return value === null || value === undefined ? null : plan.convert(value);
  });
}

async function* readGroup(
  ranges: ByteRanges,
  metadata: FileMetaData,
  group: RowGroup & { begin: number; rows: number },
  columns: readonly PlannedColumn[],
): AsyncGenerator<readonly Row[]> {
  const isNested = columns.some(({ plan }) => plan.isNested);
  const file = rowGroupRanges(ranges, group, isNested);
  const names = columns.map(({ name }) => name);
  const step = stepRows(group, columns);
  for (let at = 0; at < group.rows; at += step) {
    const rowStart = group.begin + at;
    const rowEnd = group.begin + Math.min(at + step, group.rows);
    let cells: unknown[][] = [];
    await parquetRead({
      file,
      metadata,
      columns: names,
      rowStart,
      rowEnd,
      compressors: boundedCompressors,
      parsers: parquetParsers,
      geoparquet: false,
      utf8: false,
      rowFormat: 'array',
      onComplete: (rows) => {
        cells = rows;
      },
    });
    if (cells.length !== rowEnd - rowStart) throw new Error('rows are missing');
    yield cells.map((row) => convertRow(row, columns));
  }
}

/**
 * Reads a Parquet file: the footer first, then row group by row group the chunks of the wanted columns, each
 * fetched by one range read and decoded in steps.
 *
 * @throws ConnectorError `protocol_error` for broken files, `too_large` beyond a cap, `unsupported` for
 * unknown types. Errors of the ranges pass unchanged.
 */
export async function readParquet(
  ranges: ByteRanges,
  { columns: wanted, limit }: Pick<ReadRequest, 'columns' | 'limit'>,
): Promise<FileRows> {
  const metadata = await readFooter(ranges);
  const all = planColumns(metadata);
  const { columns, indexes } = project(
    all.map(({ name, type, nullable }) => ({ name, type, nullable })),
    wanted,
  );
  const planned = indexes.flatMap((index) => all[index] ?? []);

  async function* portions(): AsyncGenerator<readonly Row[]> {
    let begin = 0;
    const end = limit ?? Number.POSITIVE_INFINITY;
    for (const group of metadata.row_groups) {
      const groupRows = Number(group.num_rows);
      const rows = Math.min(groupRows, end - begin);
      if (rows <= 0) return;
      try {
        yield* readGroup(ranges, metadata, { ...group, begin, rows }, planned);
      } catch (error) {
        throw broken(error);
      }
      begin += groupRows;
    }
  }
  return { columns, portions: portions() };
}
