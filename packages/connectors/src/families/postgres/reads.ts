// Streams one statement through a portal of the extended query protocol: the server accepts only a single statement
// there, keeps the result, and works only as far as batches are requested.
import type { Client, FieldDef } from 'pg';
import Cursor from 'pg-cursor';
import { createBatchPacer } from '../../kit/batches.js';
import { settledWithin } from '../../kit/deadline.js';
import { brokenFrame, type FrameGuard, statementBudget } from '../../kit/frame-guard.js';
import { Misfit, misfitAt } from '../../kit/misfit.js';
import type { RowStream } from '../../spec/connector.js';
import type { Cell, Column, Row, ValueShape } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { columnPositions } from '../sql/browse.js';
import { GOODBYE_MS } from './wire.js';

/** How values of one type become neutral values; the driver passes their text form. */
export interface PostgresType extends Pick<ValueShape, 'type' | 'width'> {
  /** @throws Misfit */
  parse: (text: string) => Cell;
  /** Element type of an array. */
  element?: PostgresType;
}

/** Types by the object id that a result field has as `dataTypeID`. */
export interface PostgresTypes {
  /** Undefined for an id for which {@link ask} must be called. */
  find(objectId: number): PostgresType | undefined;
  ask(objectIds: readonly number[]): Promise<void>;
  /** @param modifier `dataTypeModifier` of the field */
  shapeOf(type: PostgresType, modifier: number): ValueShape;
}

export interface StatementRead {
  text: string;
  values: readonly (string | number)[];
  /** Columns of the result to keep, in this order; absent: all. */
  pick?: readonly string[];
  /** Columns to return as the server's own text. */
  asText: readonly string[];
  limit?: number;
  batchRows: number;
}

export interface ReadHooks {
  types: PostgresTypes;
  /** Translates any error of the driver. */
  failure(error: unknown): ConnectorError;
  /** Makes the server cancel the running statement. */
  cancel(): Promise<void>;
  /** Drops the connection immediately, for a server that ignores a cancel. */
  terminate(): void;
  /** Called once, when the portal is closed and the connection is free again. */
  finished(): Promise<void>;
}

/**
 * Settles with `work`, or when the connection is lost: the driver reports that only to its active query, and a server
 * that claims that a query is over makes it forget the cursor.
 */
function orLost<Result>({ connection }: Client, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onEnd = () => reject(new ConnectorError('unreachable', 'The server closed the connection.'));
    const settle = () => connection.off('error', reject).off('end', onEnd);
    connection.on('error', reject).on('end', onEnd);
    work.then(resolve, reject).finally(settle);
    if (connection.stream.destroyed) onEnd();
  });
}

/** Fields of the result, or undefined for a statement that returns none. Nothing has been executed yet. */
function described(client: Client, cursor: Cursor<Texts>): Promise<FieldDef[] | undefined> {
  const { connection } = client;
  const described = new Promise<FieldDef[] | undefined>((resolve, reject) => {
    const onRows = ({ fields }: { fields: FieldDef[] }) => settle(() => resolve(fields));
    const onNothing = () => settle(() => resolve(undefined));
    const onError = (error: unknown) => settle(() => reject(error));
    const onEnd = () => settle(() => reject(brokenFrame()));
    const settle = (act: () => void) => {
      connection.off('rowDescription', onRows).off('noData', onNothing);
      cursor.off('error', onError).off('end', onEnd);
      act();
    };
    connection.on('rowDescription', onRows).on('noData', onNothing);
    cursor.on('error', onError).on('end', onEnd);
  });
  return orLost(client, described);
}

/** The connection that a read runs on. */
export interface ReadWire {
  client: Client;
  guard: FrameGuard;
}

/** Counts rows and the bytes between them; an unrequested row violates the protocol. */
function watchRows(cursor: Cursor<Texts>, guard: FrameGuard) {
  const pacer = createBatchPacer();
  let rowsAwaited = 0;
  cursor.on('row', () => {
    if (rowsAwaited === 0) throw brokenFrame();
    rowsAwaited -= 1;
    pacer.row();
  });
  return {
    /** @returns rows to request now, at most `rowsMax` */
    next(rowsMax: number) {
      rowsAwaited = pacer.next(rowsMax);
      guard.allow(pacer);
      return rowsAwaited;
    },
  };
}

/** How a field becomes a cell. */
interface FieldReader {
  column: Column;
  /** Its position in a row of the server. */
  position: number;
  parse: PostgresType['parse'];
}

const asText: PostgresType = { type: 'string', parse: (text) => text };

function readersOf(fields: readonly FieldDef[], read: StatementRead, types: PostgresTypes): FieldReader[] {
  const names = fields.map(({ name }) => name);
  const texts = new Set(columnPositions(names, read.asText));
  const positions = read.pick ? columnPositions(names, read.pick) : fields.map((_, position) => position);
  return positions.flatMap((position) => {
    const field = fields[position];
    if (!field) return [];
    const type = (texts.has(position) ? undefined : types.find(field.dataTypeID)) ?? asText;
    const shape = types.shapeOf(type, field.dataTypeModifier);
    return { position, parse: type.parse, column: { name: field.name, nullable: true, ...shape } };
  });
}

/** Opens a portal for the statement. @throws ConnectorError `invalid_query` when it returns no rows */
async function openPortal({ client }: ReadWire, read: StatementRead, hooks: ReadHooks) {
  const cursor = client.query(
    new Cursor<Texts>(read.text, read.values, {
      rowMode: 'array',
      // Values are parsed where their row and column are known.
      types: { getTypeParser: () => asText.parse },
    }),
  );
  const fields = await described(client, cursor);
  if (fields) return { cursor, fields };
  await closed(cursor, hooks);
  throw new ConnectorError(
    'invalid_query',
    'The statement returns no rows; only statements that return rows are run.',
    { remedy: 'Use a statement that returns rows, such as SELECT.' },
  );
}

/**
 * Starts a read in an open transaction.
 * @throws ConnectorError; the caller then ends the transaction
 */
export async function startRead(wire: ReadWire, read: StatementRead, hooks: ReadHooks): Promise<RowStream> {
  const { types } = hooks;
  let { cursor, fields } = await openPortal(wire, read, hooks);
  try {
    const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID).filter((id) => !types.find(id)));
    if (unknown.size > 0) {
      // Nothing has been executed yet, and the connection accepts no other statement while the portal is open.
      await closed(cursor, hooks);
      await types.ask([...unknown]);
      wire.guard.allow(statementBudget());
      ({ cursor, fields } = await openPortal(wire, read, hooks));
    }
    const readers = readersOf(fields, read, types);
    return {
      columns: readers.map(({ column }) => column),
      batches: { [Symbol.asyncIterator]: () => iterate(wire, cursor, { ...read, readers }, hooks) },
    };
  } catch (error) {
    // The connection accepts no other statement, not even a rollback, while the portal is open.
    await closed(cursor, hooks);
    throw error;
  }
}

type Iteration = StatementRead & { readers: readonly FieldReader[] };

/** A row as the driver passes it. */
type Texts = readonly (string | null)[];

/** Turns the driver's rows into rows and counts them. */
function createRowMaker(readers: readonly FieldReader[]): (batch: readonly Texts[]) => Row[] {
  let rows = 0;
  const cellOf = (texts: Texts, { column, position, parse }: FieldReader): Cell => {
    const text = texts[position] ?? null;
    if (text === null) return null;
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof Misfit ? misfitAt(error.message, { column: column.name, row: rows }) : error;
    }
  };
  return (batch) =>
    batch.map((texts) => {
      rows += 1;
      return readers.map((reader) => cellOf(texts, reader));
    });
}

/** Closes the portal. If the server does not comply, the connection is dropped. */
async function closed(cursor: Cursor<Texts>, hooks: ReadHooks): Promise<void> {
  let isClosed = false;
  const closing = cursor.close().then(() => {
    isClosed = true;
  });
  await settledWithin(closing, GOODBYE_MS);
  if (!isClosed) hooks.terminate();
}

/** Sends what `ask` writes as one packet: with two, each batch would wake the server once more (5 % of a fast read). */
function askedAtOnce<Answer>({ connection: { stream } }: Client, ask: () => Answer): Answer {
  stream.cork();
  try {
    return ask();
  } finally {
    stream.uncork();
  }
}

/** Requests the next batch while the consumer works on the previous one; at most one batch ahead. */
function iterate(
  { client, guard }: ReadWire,
  cursor: Cursor<Texts>,
  read: Iteration,
  hooks: ReadHooks,
): AsyncIterator<readonly Row[]> {
  const awaited = watchRows(cursor, guard);
  let remaining = read.limit ?? Number.POSITIVE_INFINITY;
  let ahead: Promise<Texts[]> | undefined;
  let isAsking = false;
  let isDone = false;

  const ask = () => {
    const rows = remaining > 0 ? awaited.next(Math.min(read.batchRows, remaining)) : 0;
    remaining -= rows;
    if (rows === 0) return undefined;
    isAsking = true;
    const reading = askedAtOnce(client, () => cursor.read(rows));
    const asked = orLost(client, reading)
      .then((batch) => {
        if (batch.length < rows) remaining = 0;
        return batch;
      })
      .finally(() => {
        isAsking = false;
      });
    // A failure is reported to whoever takes the batch, who may not have asked for it yet.
    asked.catch(() => undefined);
    return asked;
  };
  const finish = async () => {
    if (isDone) return;
    isDone = true;
    await hooks.finished();
  };
  const toRows = createRowMaker(read.readers);
  const done = { done: true as const, value: undefined };
  const leave = async () => {
    if (isDone) return done;
    if (isAsking) await hooks.cancel();
    if (ahead) await settledWithin(ahead, GOODBYE_MS);
    if (isAsking) hooks.terminate();
    // A failed portal is already closed; closing it again would wait forever.
    const isFailed = await Promise.resolve(ahead).then(
      () => false,
      () => true,
    );
    if (!isFailed) await closed(cursor, hooks);
    await finish();
    return done;
  };

  return {
    async next() {
      if (isDone) return done;
      let taken: Texts[];
      try {
        const batch = await (ahead ?? ask());
        if (!batch || batch.length === 0) {
          await closed(cursor, hooks);
          await finish();
          return done;
        }
        ahead = remaining > 0 ? ask() : undefined;
        taken = batch;
      } catch (error) {
        const failure = hooks.failure(error);
        await finish();
        throw failure;
      }
      try {
        return { done: false, value: toRows(taken) };
      } catch (error) {
        const failure = hooks.failure(error);
        // Nothing more is sent to a server that violates the protocol.
        if (failure.kind === 'protocol_error') {
          hooks.terminate();
          await finish();
        } else await leave();
        throw failure;
      }
    },
    return: leave,
  };
}
