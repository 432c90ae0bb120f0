// Reads one statement. The server prepares it first, which allows only a single statement and returns its columns
// before anything runs; rows then flow as fast as the consumer takes them.
import { isDeepStrictEqual } from 'node:util';
import mysql, { type FieldPacket, type PrepareStatementInfo } from 'mysql2';
import type { Column } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Batch, Parameter } from '../../interface/plan.js';
import { brokenFrame, statementBudget } from '../../kit/frame-guard.js';
import type { PreparedStatement, RowsRequest, SqlColumn, SqlStatement } from '../sql/connection.js';
import type { Comparable } from '../sql/where.js';
import { type MySqlTypes, type RowShape, shapeOf } from './fields.js';
import { createIntake, type Intake } from './intake.js';
import { answered, hideNames, type Wire } from './wire.js';

// The driver is CommonJS, and Node exposes this name only on its default export.
const { Types } = mysql;

/** Maximum columns in a MySQL result. */
const COLUMNS_MAX = 4_096;

/** Members of a prepared statement that the driver's typings omit. */
interface Statement extends PrepareStatementInfo {
  columns: readonly FieldPacket[];
  parameters: readonly unknown[];
}

function noRows(): ConnectorError {
  return new ConnectorError(
    'invalid_query',
    'The query returns no rows; only queries that return rows are run.',
    { remedy: 'Use a query that returns rows, such as a SELECT.' },
  );
}

function changed(): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    'The columns of the result changed while the query was started.',
    {
      retryable: true,
    },
  );
}

/**
 * The wire encoding of the result. The driver reads text two to three times faster where there are dates; but the
 * server rounds floats to six digits in text, so floats require binary.
 */
type Encoding = 'text' | 'binary';

/** @throws ConnectorError `invalid_query` for a statement that returns no rows; it was not run */
async function fieldsOf(wire: Wire, text: string, given: number): Promise<readonly FieldPacket[]> {
  const statement = await answered<PrepareStatementInfo>(wire, (callback) =>
    wire.connection.prepare(text, callback),
  );
  const { columns, parameters } = statement as Statement;
  if (columns.length === 0) throw noRows();
  if (columns.length > COLUMNS_MAX) throw brokenFrame();
  if (parameters.length !== given) {
    throw new ConnectorError(
      'invalid_query',
      `The query has ${parameters.length} placeholders, and ${given} parameters were given.`,
    );
  }
  return columns;
}

const encodingOf = (fields: readonly FieldPacket[]): Encoding =>
  fields.some(({ columnType }) => columnType === Types.FLOAT || columnType === Types.DOUBLE)
    ? 'binary'
    : 'text';

/** The vendor's type of a field. */
function nativeOf({ columnType = Types.VAR_STRING, flags, ...field }: FieldPacket): string {
  // MariaDB's own types travel as text and are named beside it.
  const own = field.extendedTypeName ?? field.extendedFormat;
  if (own) return own;
  const name = String(Reflect.get(Types, columnType) ?? 'unknown').toLowerCase();
  return (Number(flags) & UNSIGNED_FLAG) === 0 ? name : `${name} unsigned`;
}
/** Bit in a column's flags. Source: MySQL manual, "Column Definition Flags". */
const UNSIGNED_FLAG = 32;

interface Execution {
  text: string;
  values: readonly (string | null)[];
  encoding: Encoding;
  request: RowsRequest;
  /** @throws ConnectorError when the fields are not those that were prepared */
  shape(fields: readonly FieldPacket[]): RowShape;
}

/** `started` resolves when the result starts; rows and the end go to the intake. */
function execute(wire: Wire, { text, values, encoding, request, shape }: Execution) {
  const { connection } = wire;
  const intake = createIntake(wire, request);
  const started = new Promise<void>((resolve, reject) => {
    const onLost = (error: unknown) => fail(error);
    const fail = (error: unknown) => {
      connection.off('error', onLost);
      intake.endWith(error);
      reject(error);
    };
    // Before the statement: the driver reports at once, and only here, that the connection is already lost.
    connection.on('error', onLost);
    wire.allow(statementBudget());
    // Executed by text, which finds the prepared statement: a separate command object would not know that local files
    // are refused.
    const running = encoding === 'binary' ? connection.execute(text, [...values]) : connection.query(text);
    // Closed after its result; otherwise the driver would keep it forever.
    connection.unprepare(text);
    running.on('fields', (fields: unknown) => {
      if (!Array.isArray(fields)) return reject(noRows());
      if (fields.length > COLUMNS_MAX) throw brokenFrame();
      try {
        intake.begin(shape(fields));
        hideNames(fields);
        resolve();
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
  return { started, intake };
}

/** The texts of an author's parameters. */
function textOf(parameter: Parameter, place: number): string | null {
  if (typeof parameter !== 'object' || parameter === null)
    return parameter === null ? null : String(typeof parameter === 'boolean' ? Number(parameter) : parameter);
  throw new ConnectorError('unsupported', `parameters[${place}]: the server takes no types.`, {
    remedy: 'Give the value alone, and write the type into the query: cast(? as date).',
  });
}

function valuesOf({ values, parameters }: SqlStatement): readonly (string | null)[] {
  return values ?? (Array.isArray(parameters) ? parameters.map(textOf) : []);
}

/** The server compares years, bits and floats of 32 bits otherwise than by their values here. */
const incomparable: ReadonlySet<number | undefined> = new Set([Types.YEAR, Types.BIT, Types.GEOMETRY]);

function comparablesOf(
  fields: readonly FieldPacket[],
  columns: readonly Column[],
): ReadonlyMap<string, Comparable> {
  return new Map(
    columns.flatMap(({ name, type }) => {
      const field = fields.find((candidate) => candidate.name === name);
      return field && !incomparable.has(field.columnType) ? [[name, type] as const] : [];
    }),
  );
}

/** A column without what depends on how the server got its value. */
const essence = ({ nullable: _nullable, ...column }: Column) => column;

export interface PreparedRead extends PreparedStatement {
  /** The same columns with the vendor's types. */
  described(): readonly SqlColumn[];
  /** The server is working on the statement. */
  isPending(): boolean;
}

/** Prepares a statement in an open transaction; the caller ends the transaction when this fails. */
export async function prepareRead(
  wire: Wire,
  statement: SqlStatement,
  types: MySqlTypes,
): Promise<PreparedRead> {
  const { connection } = wire;
  const { text } = statement;
  const values = valuesOf(statement);
  let fields: readonly FieldPacket[];
  let columns: readonly Column[];
  try {
    fields = await fieldsOf(wire, text, values.length);
    // Shaping changes the fields for the driver.
    const copies = fields.map((field) => ({ ...field }));
    columns = shapeOf(copies, types, statement).columns;
  } catch (error) {
    connection.unprepare(text);
    throw error;
  }
  let intake: Intake | undefined;

  async function* batches(request: RowsRequest): AsyncGenerator<Batch> {
    const shape = (ofResult: readonly FieldPacket[]): RowShape => {
      const found = shapeOf(ofResult, types, statement);
      if (!isDeepStrictEqual(found.columns.map(essence), columns.map(essence))) throw changed();
      return found;
    };
    // Parameters travel only with the prepared statement.
    const encoding = values.length > 0 ? 'binary' : encodingOf(fields);
    const execution = execute(wire, { text, values, encoding, request, shape });
    intake = execution.intake;
    await execution.started;
    while (!intake.isAtLimit()) {
      const batch = await intake.take();
      if (!batch) return;
      yield { rows: batch };
    }
  }
  return {
    columns,
    comparables: comparablesOf(fields, columns),
    described: () =>
      columns.map((column) => {
        const field = fields.find(({ name }) => name === column.name);
        return { ...column, native: field ? nativeOf(field) : 'unknown' };
      }),
    batches,
    isPending: () => intake !== undefined && !intake.isEnded(),
    async close() {
      if (intake) await intake.discard();
      else connection.unprepare(text);
    },
  };
}
