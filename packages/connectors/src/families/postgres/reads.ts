// Reads one statement through a portal.
import type { FieldDef } from 'pg';
import type { Row } from '../../interface/data-types.js';
import { statementBudget } from '../../kit/frame-guard.js';
import type { PreparedStatement, RowsRequest, SqlStatement } from '../sql/connection.js';
import { createRowMaker, type FieldReader, type PostgresTypes, readersOf, type Texts } from './fields.js';
import { type BatchRequests, closePortal, createBatchRequests, openPortal, type ReadWire } from './portal.js';

export interface PreparedRead extends PreparedStatement {
  /** The server's fields, before a choice. */
  fields: readonly FieldDef[];
  /** The server is working on a batch. */
  isPending(): boolean;
}

/**
 * Opens a portal in an open transaction.
 * @throws the driver's errors, or a ConnectorError; the caller then ends the transaction
 */
export async function prepareRead(
  wire: ReadWire,
  statement: SqlStatement,
  types: PostgresTypes,
): Promise<PreparedRead> {
  let { cursor, fields } = await openPortal(wire, statement.text);
  const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID).filter((id) => !types.find(id)));
  if (unknown.size > 0) {
    // Nothing has been executed yet, and the connection accepts no other statement while the portal is open.
    await closePortal(wire.client, cursor);
    await types.ask([...unknown]);
    wire.guard.allow(statementBudget());
    ({ cursor, fields } = await openPortal(wire, statement.text));
  }
  let readers: FieldReader[];
  try {
    readers = readersOf(fields, statement, types);
  } catch (error) {
    // The connection accepts no other statement, not even a rollback, while the portal is open.
    await closePortal(wire.client, cursor);
    throw error;
  }
  let requests: BatchRequests | undefined;
  /** The batch that was requested while the reader worked on the previous one. */
  let ahead: Promise<Texts[]> | undefined;

  async function* batches(request: RowsRequest): AsyncGenerator<readonly Row[]> {
    const toRows = createRowMaker(readers);
    requests = createBatchRequests(wire, cursor, request);
    ahead = requests.next();
    while (ahead) {
      const batch = await ahead;
      if (batch.length === 0) return;
      ahead = requests.next();
      yield toRows(batch);
    }
  }
  return {
    columns: readers.map(({ column }) => column),
    fields,
    rows: batches,
    isPending: () => requests?.isPending() ?? false,
    async close() {
      const isFailed = await Promise.resolve(ahead).then(
        () => false,
        () => true,
      );
      // A failed portal is already closed; closing it again would wait forever.
      if (!isFailed) await closePortal(wire.client, cursor);
    },
  };
}
