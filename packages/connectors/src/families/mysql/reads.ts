// Streams one statement. The server prepares it first, which allows only a single statement and returns its columns
// before anything runs; rows then flow as fast as the consumer takes them.
import mysql, { type FieldPacket, type PrepareStatementInfo } from 'mysql2';
import { createBatchPacer } from '../../kit/batches.js';
import { settledWithin } from '../../kit/deadline.js';
import { brokenFrame, statementBudget } from '../../kit/frame-guard.js';
import { cellText } from '../../kit/json/cells.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';
import type { RowStream } from '../../spec/connector.js';
import type { Cell, Column, Row, ValueShape } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { columnPositions } from '../sql/browse.js';
import { answered, GOODBYE_MS, hideNames, type Wire } from './wire.js';

// The driver is CommonJS, and Node exposes this name only on its default export.
const { Types } = mysql;

/** How values of one column become neutral values. */
export interface MySqlType extends ValueShape {
  /** Absent: the driver's value is already neutral. Never called with null. @throws Misfit */
  convert?: (value: unknown) => Cell;
  /** How `asText` renders the driver's value; absent: the text of the neutral value. */
  toText?: (value: unknown) => string;
}

export type MySqlTypes = (field: FieldPacket) => MySqlType;

export interface StatementRead {
  text: string;
  /** Columns of the result to keep, in this order; absent: all. */
  pick?: readonly string[];
  /** Columns to return as text. */
  asText: readonly string[];
  limit?: number;
  batchRows: number;
}

export interface ReadHooks {
  types: MySqlTypes;
  /** Translates any error of the driver. */
  failure(error: unknown): ConnectorError;
  /** Makes the server cancel the running statement. */
  cancel(): Promise<void>;
  /** Drops the connection immediately, for a server that ignores a cancel. */
  terminate(): void;
  /** Called once, when the connection is free again. */
  finished(): Promise<void>;
}

/** Maximum columns in a MySQL result. */
const COLUMNS_MAX = 4_096;
/** Bit in a column's flags. Source: MySQL manual, "Column Definition Flags". */
const NOT_NULL_FLAG = 1;

/** Members of a prepared statement that the driver's typings omit. */
interface Statement extends PrepareStatementInfo {
  columns: readonly FieldPacket[];
  parameters: readonly unknown[];
}

function noRows(): ConnectorError {
  return new ConnectorError(
    'invalid_query',
    'The statement returns no rows; only statements that return rows are run.',
    { remedy: 'Use a statement that returns rows, such as SELECT.' },
  );
}

/**
 * The wire encoding of the result. The driver reads text two to three times faster where there are dates; but the
 * server rounds floats to six digits in text, so floats require binary.
 */
type Encoding = 'text' | 'binary';

/** @throws ConnectorError `invalid_query` for a statement that returns no rows; it was not run */
async function prepareRead(wire: Wire, text: string): Promise<Encoding> {
  const statement = await answered<PrepareStatementInfo>(wire, (callback) =>
    wire.connection.prepare(text, callback),
  );
  const { columns, parameters } = statement as Statement;
  if (columns.length === 0) throw noRows();
  if (parameters.length > 0) {
    throw new ConnectorError('invalid_query', 'The statement must not have parameters.');
  }
  const hasFloats = columns.some(
    ({ columnType }) => columnType === Types.FLOAT || columnType === Types.DOUBLE,
  );
  return hasFloats ? 'binary' : 'text';
}

interface Shape {
  columns: Column[];
  /** @param row row number, from 1. @throws ConnectorError for a value that its column cannot represent */
  toRow: (values: unknown[], row: number) => Row;
}

function asText({ convert, toText }: MySqlType): MySqlType {
  return {
    type: 'string',
    convert: toText ?? ((value) => cellText(convert ? convert(value) : (value as Cell))),
  };
}

/** Tells the driver to treat a geometry as bytes; it would drop the SRID and the subtype. */
function keepGeometries(fields: readonly FieldPacket[]): void {
  for (const field of fields) if (field.columnType === Types.GEOMETRY) field.columnType = Types.BLOB;
}

function shapeOf(fields: readonly FieldPacket[], types: MySqlTypes, read: StatementRead): Shape {
  const names = fields.map(({ name }) => name);
  const texts = new Set(columnPositions(names, read.asText));
  const kinds = fields.map((field, position) => (texts.has(position) ? asText(types(field)) : types(field)));
  keepGeometries(fields);
  const all = fields.map(({ name, flags }, index): Column => {
    const { convert: _convert, toText: _toText, ...shape } = kinds[index] ?? { type: 'string' };
    return { name, nullable: (Number(flags) & NOT_NULL_FLAG) === 0, ...shape };
  });
  const converts = kinds.flatMap(({ convert }, index) => (convert ? [{ index, convert }] : []));
  const convertInPlace = (values: unknown[], row: number) => {
    for (const { index, convert } of converts) {
      if (values[index] === null) continue;
      try {
        values[index] = convert(values[index]);
      } catch (error) {
        throw error instanceof Misfit ? misfitAt(error.message, { column: names[index] ?? '', row }) : error;
      }
    }
    return values as Cell[];
  };
  if (!read.pick) return { columns: all, toRow: convertInPlace };
  const positions = columnPositions(names, read.pick);
  return {
    columns: positions.flatMap((position) => all[position] ?? []),
    toRow: (values, row) => {
      const converted = convertInPlace(values, row);
      return positions.map((position) => converted[position] ?? null);
    },
  };
}

/** Buffers arrived rows, tracks demand, and records how the read ended. */
function createIntake(wire: Wire, read: StatementRead) {
  const pacer = createBatchPacer();
  const full: Row[][] = [];
  let filling: Row[] = [];
  let taken = 0;
  let ended: { error?: unknown } | undefined;
  let wake: () => void = () => undefined;
  let isDiscarding = false;
  let toRow: Shape['toRow'] | undefined;
  /** A value that its column cannot represent. Rows before it are still returned, and the server is told to stop. */
  let refused: { error: unknown } | undefined;

  const endWith = (error?: unknown) => {
    if (ended) return;
    // Responses to later commands must not queue behind the last batch.
    wire.allow(statementBudget());
    wire.stream().resume();
    if (filling.length > 0) full.push(filling);
    filling = [];
    ended = error === undefined ? {} : { error };
    wake();
  };
  const add = (values: unknown[]) => {
    if (wire.hasOverread()) throw brokenFrame();
    pacer.row();
    if (isDiscarding || refused || !toRow || taken >= (read.limit ?? Number.POSITIVE_INFINITY)) return;
    taken += 1;
    try {
      filling.push(toRow(values, taken));
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.kind === 'protocol_error') throw error;
      refused = { error };
      if (filling.length > 0) full.push(filling);
      filling = [];
      wake();
      return;
    }
    if (filling.length < read.batchRows && !pacer.isFull() && taken !== read.limit) return;
    full.push(filling);
    filling = [];
    pacer.next(read.batchRows);
    wire.stream().pause();
    wake();
  };
  const take = async (): Promise<Row[] | undefined> => {
    while (full.length === 0 && !ended && !refused) {
      wire.stream().resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const batch = full.shift();
    if (!batch && refused) throw refused.error;
    if (!batch && ended && 'error' in ended) throw ended.error;
    if (full.length === 0 && taken !== read.limit) wire.stream().resume();
    return batch;
  };
  const discard = async () => {
    isDiscarding = true;
    full.length = 0;
    filling = [];
    while (!ended) {
      wire.stream().resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const begin = (shape: Shape) => {
    toRow = shape.toRow;
    wire.allow(pacer);
  };
  return {
    begin,
    add,
    endWith,
    take,
    discard,
    isEnded: () => ended !== undefined,
    isAtLimit: () => taken === read.limit && full.length === 0,
  };
}

type Intake = ReturnType<typeof createIntake>;

/** Resolves with the columns once the result starts; rows and the end go to the intake. */
function execute(wire: Wire, read: StatementRead & { encoding: Encoding }, hooks: ReadHooks) {
  const { encoding } = read;
  const { connection } = wire;
  const intake = createIntake(wire, read);
  const columns = new Promise<Column[]>((resolve, reject) => {
    wire.allow(statementBudget());
    // Executed by text, which finds the prepared statement: a separate command object would not know that local files
    // are refused.
    const running = encoding === 'binary' ? connection.execute(read.text) : connection.query(read.text);
    // Closed after its result; otherwise the driver would keep it forever.
    connection.unprepare(read.text);
    const onLost = (error: unknown) => fail(error);
    const fail = (error: unknown) => {
      connection.off('error', onLost);
      intake.endWith(error);
      reject(error);
    };
    connection.on('error', onLost);
    running.on('fields', (fields: unknown) => {
      if (!Array.isArray(fields)) return reject(noRows());
      if (fields.length > COLUMNS_MAX) throw brokenFrame();
      try {
        const shape = shapeOf(fields, hooks.types, read);
        intake.begin(shape);
        hideNames(fields);
        resolve(shape.columns);
      } catch (error) {
        reject(error);
      }
    });
    running.on('result', (row: unknown) => {
      if (Array.isArray(row)) intake.add(row);
    });
    running.on('error', fail);
    running.on('end', () => {
      connection.off('error', onLost);
      intake.endWith();
      reject(new ConnectorError('protocol_error', 'The server returned no result.'));
    });
  });
  return { columns, intake };
}

/** Ends an abandoned statement and drains its rows from the connection. */
async function abandon(intake: Intake, hooks: ReadHooks): Promise<void> {
  if (intake.isEnded()) return;
  await hooks.cancel();
  await settledWithin(intake.discard(), GOODBYE_MS);
  if (!intake.isEnded()) hooks.terminate();
}

/**
 * Starts a read in an open transaction.
 * @throws ConnectorError; the caller then ends the transaction
 */
export async function startRead(wire: Wire, read: StatementRead, hooks: ReadHooks): Promise<RowStream> {
  const { connection } = wire;
  const encoding = await prepareRead(wire, read.text).catch((error: unknown) => {
    connection.unprepare(read.text);
    throw error;
  });
  const { columns: described, intake } = execute(wire, { ...read, encoding }, hooks);
  const columns = await described.catch(async (error: unknown) => {
    await abandon(intake, hooks);
    throw error;
  });
  return { columns, batches: { [Symbol.asyncIterator]: () => iterate(intake, hooks) } };
}

function iterate(intake: Intake, hooks: ReadHooks): AsyncIterator<readonly Row[]> {
  const done = { done: true as const, value: undefined };
  let isDone = false;
  const finish = async () => {
    if (isDone) return done;
    isDone = true;
    await abandon(intake, hooks);
    await hooks.finished();
    return done;
  };
  return {
    async next() {
      if (isDone) return done;
      try {
        const batch = intake.isAtLimit() ? undefined : await intake.take();
        return batch ? { done: false, value: batch } : await finish();
      } catch (error) {
        const failure = hooks.failure(error);
        await finish();
        throw failure;
      }
    },
    return: finish,
  };
}
