// Streams one statement through a portal.
import type Cursor from 'pg-cursor';
import type { RowStream } from '../../interface/connector.js';
import type { Row } from '../../interface/data-types.js';
import { settledWithin } from '../../kit/deadline.js';
import { statementBudget } from '../../kit/frame-guard.js';
import { GOODBYE_MS, type ReadHooks, type StatementRead } from '../sql/session.js';
import { createRowMaker, type FieldReader, type PostgresTypes, readersOf, type Texts } from './fields.js';
import { closePortal, createBatchRequests, openPortal, type ReadWire } from './portal.js';

interface TypedHooks extends ReadHooks {
  types: PostgresTypes;
}

/**
 * Starts a read in an open transaction.
 * @throws ConnectorError; the caller then ends the transaction
 */
export async function startRead(wire: ReadWire, read: StatementRead, hooks: TypedHooks): Promise<RowStream> {
  const { types, terminate } = hooks;
  let { cursor, fields } = await openPortal(wire, read.text, terminate);
  try {
    const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID).filter((id) => !types.find(id)));
    if (unknown.size > 0) {
      // Nothing has been executed yet, and the connection accepts no other statement while the portal is open.
      await closePortal(cursor, terminate);
      await types.ask([...unknown]);
      wire.guard.allow(statementBudget());
      ({ cursor, fields } = await openPortal(wire, read.text, terminate));
    }
    const readers = readersOf(fields, read, types);
    return {
      columns: readers.map(({ column }) => column),
      batches: { [Symbol.asyncIterator]: () => iterate(wire, cursor, { ...read, readers }, hooks) },
    };
  } catch (error) {
    // The connection accepts no other statement, not even a rollback, while the portal is open.
    await closePortal(cursor, terminate);
    throw error;
  }
}

type Iteration = StatementRead & { readers: readonly FieldReader[] };

/** Requests the next batch while the consumer works on the previous one; at most one batch ahead. */
function iterate(
  wire: ReadWire,
  cursor: Cursor<Texts>,
  read: Iteration,
  hooks: ReadHooks,
): AsyncIterator<readonly Row[]> {
  const requests = createBatchRequests(wire, cursor, read);
  let ahead: Promise<Texts[]> | undefined;
  let isDone = false;

  const finish = async () => {
    if (isDone) return;
    isDone = true;
    await hooks.finished();
  };
  const toRows = createRowMaker(read.readers);
  const done = { done: true as const, value: undefined };
  const leave = async () => {
    if (isDone) return done;
    if (requests.isPending()) await hooks.cancel();
    if (ahead) await settledWithin(ahead, GOODBYE_MS);
    if (requests.isPending()) hooks.terminate();
    // A failed portal is already closed; closing it again would wait forever.
    const isFailed = await Promise.resolve(ahead).then(
      () => false,
      () => true,
    );
    if (!isFailed) await closePortal(cursor, hooks.terminate);
    await finish();
    return done;
  };

  return {
    async next() {
      if (isDone) return done;
      let taken: Texts[];
      try {
        const batch = await (ahead ?? requests.next());
        if (!batch || batch.length === 0) {
          await closePortal(cursor, hooks.terminate);
          await finish();
          return done;
        }
        ahead = requests.next();
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
