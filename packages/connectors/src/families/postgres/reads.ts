// Reads one statement through a portal.
import type { FieldDef } from 'pg';
import type { NeutralType } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Batch, Parameter } from '../../interface/plan.js';
import { statementBudget } from '../../kit/frame-guard.js';
import type { PreparedStatement, RowsRequest, SqlStatement } from '../sql/connection.js';
import type { Comparable } from '../sql/where.js';
import { createRowMaker, type FieldReader, type PostgresTypes, readersOf, type Texts } from './fields.js';
import { type BatchRequests, closePortal, createBatchRequests, openPortal, type ReadWire } from './portal.js';

export interface PreparedRead extends PreparedStatement {
  /** The server's fields, before a choice. */
  fields: readonly FieldDef[];
  /** The server is working on a batch. */
  isPending(): boolean;
}

/** The texts of an author's parameters; the server takes their types from the query. */
function textOf(parameter: Parameter, place: number): string | null {
  if (typeof parameter !== 'object' || parameter === null)
    return parameter === null ? null : String(parameter);
  throw new ConnectorError('unsupported', `parameters[${place}]: the server takes its type from the query.`, {
    remedy: `Give the value alone, and write the type into the query: $${place + 1}::${parameter.type}.`,
  });
}

function valuesOf({ values, parameters }: SqlStatement): readonly (string | null)[] {
  return values ?? (Array.isArray(parameters) ? parameters.map(textOf) : []);
}

/** Types whose comparisons by the server are known. Others have collations, formats or orders of their own. */
const comparableOf = (objectId: number, type: NeutralType | undefined): Comparable | undefined => {
  if (objectId === UUID) return 'uuid';
  const isText = objectId === TEXT || objectId === VARCHAR;
  if (type === undefined || objectId === OID || (type === 'string' && !isText)) return undefined;
  return type;
};
const [OID, TEXT, VARCHAR, UUID] = [26, 25, 1043, 2950];

const comparablesOf = (fields: readonly FieldDef[], types: PostgresTypes): ReadonlyMap<string, Comparable> =>
  new Map(
    fields.flatMap(({ name, dataTypeID }) => {
      const found = comparableOf(dataTypeID, types.find(dataTypeID)?.type);
      return found ? [[name, found] as const] : [];
    }),
  );

/**
 * Opens a portal in an open transaction.
 * @throws the driver's errors, or a ConnectorError; the caller then ends the transaction
 */
export async function prepareRead(
  wire: ReadWire,
  statement: SqlStatement,
  types: PostgresTypes,
): Promise<PreparedRead> {
  const bound = { text: statement.text, values: valuesOf(statement) };
  let { cursor, fields } = await openPortal(wire, bound);
  const unknown = new Set(fields.map(({ dataTypeID }) => dataTypeID).filter((id) => !types.find(id)));
  if (unknown.size > 0) {
    // Nothing has been executed yet, and the connection accepts no other statement while the portal is open.
    await closePortal(wire.client, cursor);
    await types.ask([...unknown]);
    wire.guard.allow(statementBudget());
    ({ cursor, fields } = await openPortal(wire, bound));
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

  async function* batches(request: RowsRequest): AsyncGenerator<Batch> {
    const toRows = createRowMaker(readers);
    requests = createBatchRequests(wire, cursor, request);
    ahead = requests.next();
    while (ahead) {
      const batch = await ahead;
      if (batch.length === 0) return;
      ahead = requests.next();
      yield { rows: toRows(batch) };
    }
  }
  return {
    columns: readers.map(({ column }) => column),
    comparables: comparablesOf(fields, types),
    fields,
    batches,
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
