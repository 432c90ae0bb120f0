// Streams one statement. The server prepares it first, which allows only a single statement and returns its columns
// before anything runs; rows then flow as fast as the consumer takes them.
import mysql, { type FieldPacket, type PrepareStatementInfo } from 'mysql2';
import type { RowStream } from '../../interface/connector.js';
import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { settledWithin } from '../../kit/deadline.js';
import { brokenFrame, statementBudget } from '../../kit/frame-guard.js';
import { GOODBYE_MS, type ReadHooks, type StatementRead } from '../sql/session.js';
import { type MySqlTypes, shapeOf } from './fields.js';
import { createIntake, type Intake } from './intake.js';
import { answered, hideNames, type Wire } from './wire.js';

// The driver is CommonJS, and Node exposes this name only on its default export.
const { Types } = mysql;

interface TypedHooks extends ReadHooks {
  types: MySqlTypes;
}

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
    throw new ConnectorError('invalid_query', 'The query must not have parameters.');
  }
  const hasFloats = columns.some(
    ({ columnType }) => columnType === Types.FLOAT || columnType === Types.DOUBLE,
  );
  return hasFloats ? 'binary' : 'text';
}

/** Resolves with the columns once the result starts; rows and the end go to the intake. */
function execute(wire: Wire, read: StatementRead & { encoding: Encoding }, hooks: TypedHooks) {
  const { encoding } = read;
  const { connection } = wire;
  const intake = createIntake(wire, read);
  const columns = new Promise<Column[]>((resolve, reject) => {
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
    const running = encoding === 'binary' ? connection.execute(read.text) : connection.query(read.text);
    // Closed after its result; otherwise the driver would keep it forever.
    connection.unprepare(read.text);
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
export async function startRead(wire: Wire, read: StatementRead, hooks: TypedHooks): Promise<RowStream> {
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
