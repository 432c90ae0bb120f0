import { type Cell, type Column, JsonText, type Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Batch, ReadPlan } from '../../interface/plan.js';
import { firstOf, lengthOf, rowsIn } from '../batch.js';
import { assertColumns, batchRowsMax, unknownColumn } from '../columns.js';
import { ProtocolViolation } from '../frame-guard.js';
import { cellText } from '../json/cells.js';

/** Text of one batch, in characters, beyond its first row: a slow reader of wide rows then holds little memory. */
const batchCharactersMax = 4 * 1024 * 1024;

export interface Shaping {
  /** Only these columns, in this order. */
  columns?: readonly string[] | undefined;
  asText: readonly string[];
  /** Rows to keep. */
  keeps?: ((row: Row) => boolean) | undefined;
  batchRows: number;
  /** Record batches may be returned; else they become rows. */
  takesArrow: boolean;
}

export interface Shape {
  columns: readonly Column[];
  /** Rows per batch to request of the source. */
  batchRows: number;
  /**
   * The batches to return for one of the source, with at most so many rows together.
   * @throws ConnectorError `protocol_error` for one that does not have the plan's columns
   */
  cut(batch: Batch, rowsMax: number): Generator<Batch>;
}

const misshapen = () =>
  new ProtocolViolation('protocol_error', 'The source returned rows that do not match their columns.');

/** Positions of the result's columns in those of the plan; undefined if they are the same. */
function positionsOf(
  columns: readonly Column[],
  wanted: readonly string[] | undefined,
): number[] | undefined {
  if (!wanted) return undefined;
  const isSame = wanted.length === columns.length && columns.every(({ name }, at) => name === wanted[at]);
  if (isSame) return undefined;
  const positions = new Map<string, number>();
  for (const [at, { name }] of columns.entries()) if (!positions.has(name)) positions.set(name, at);
  if (new Set(wanted).size !== wanted.length) {
    throw new ConnectorError('invalid_query', 'A column is requested twice.');
  }
  return wanted.map((name) => {
    const position = positions.get(name);
    if (position === undefined) throw unknownColumn(name);
    return position;
  });
}

function assertTextColumns(columns: readonly Column[], asText: readonly string[]): void {
  const names = new Set(columns.map(({ name }) => name));
  const unknown = asText.find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw new ConnectorError(
    'invalid_query',
    `asText: ${JSON.stringify(unknown.slice(0, 128))} is not a column.`,
  );
}

const textColumn = ({ name, nullable }: Column): Column => ({ name, nullable, type: 'string' });

/** What the kit does to each row, after its filter. */
function rowMaker(positions: readonly number[] | undefined, isText: readonly boolean[]) {
  const hasText = isText.includes(true);
  if (!positions && !hasText) return undefined;
  const cellAt = (cell: Cell | undefined, at: number): Cell =>
    isText[at] ? cellText(cell ?? null) : (cell ?? null);
  return (row: Row): Row =>
    positions ? positions.map((position, at) => cellAt(row[position], at)) : row.map(cellAt);
}

/** Checks the width of a row, and measures its text. */
function charactersOf(row: Row, width: number): number {
  if (row.length !== width) throw misshapen();
  let characters = 0;
  for (const cell of row) {
    if (typeof cell === 'string') characters += cell.length;
    else if (cell instanceof JsonText) characters += cell.text.length;
  }
  return characters;
}

/**
 * What remains to be done to the batches of a plan.
 * @throws ConnectorError `invalid_query` for an unknown column, `too_large` for more columns than are supported
 */
export function shapeOf({ columns: given }: Pick<ReadPlan, 'columns'>, shaping: Shaping): Shape {
  const { columns: wanted, asText, keeps, batchRows, takesArrow } = shaping;
  assertColumns(given, 1);
  const positions = positionsOf(given, wanted);
  const picked = positions ? positions.map((at) => given[at] as Column) : given;
  assertTextColumns(picked, asText);
  const isText = picked.map(({ name, type }) => type !== 'string' && asText.includes(name));
  const columns = picked.map((column, at) => (isText[at] ? textColumn(column) : column));
  const toRow = rowMaker(positions, isText);
  const passesArrow = takesArrow && !keeps && !isText.includes(true);
  const mostRows = Math.min(batchRows, batchRowsMax(given));

  function* cutRows(rows: readonly Row[], rowsMax: number): Generator<Batch> {
    let from = 0;
    let characters = 0;
    let left = rowsMax;
    let batch: Row[] = [];
    // Without a filter, rows are passed on as they came, so that nothing is copied.
    const taken = (end: number): readonly Row[] => {
      const made = keeps ? batch : from === 0 && end === rows.length ? rows : rows.slice(from, end);
      return toRow ? made.map(toRow) : made;
    };
    for (const [at, row] of rows.entries()) {
      const length = charactersOf(row, given.length);
      if (keeps) {
        if (!keeps(row)) continue;
        batch.push(row);
      }
      characters += length;
      left -= 1;
      const count = keeps ? batch.length : at + 1 - from;
      if (count < mostRows && characters < batchCharactersMax && left > 0) continue;
      yield { rows: taken(at + 1) };
      if (left === 0) return;
      from = at + 1;
      batch = [];
      characters = 0;
    }
    if (keeps ? batch.length > 0 : from < rows.length) yield { rows: taken(rows.length) };
  }

  let seen = 0;
  function* cut(batch: Batch, rowsMax: number): Generator<Batch> {
    const firstRow = seen + 1;
    seen += lengthOf(batch);
    if ('arrow' in batch) {
      if (batch.arrow.numCols !== given.length) throw misshapen();
      if (passesArrow) {
        if (batch.arrow.numRows === 0) return;
        const first = firstOf(batch, rowsMax) as typeof batch;
        return yield positions ? { arrow: first.arrow.selectAt(positions) } : first;
      }
    }
    let left = rowsMax;
    for (const rows of rowsIn(batch, given, firstRow)) {
      for (const piece of cutRows(rows, left)) {
        left -= lengthOf(piece);
        yield piece;
      }
      if (left === 0) return;
    }
  }
  return { columns, batchRows: mostRows, cut };
}
