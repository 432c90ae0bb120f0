// A portal of the extended query protocol: the server accepts only a single statement there, keeps the result, and
// works only on requested batches.
import type { Client, FieldDef } from 'pg';
import Cursor from 'pg-cursor';
import { ConnectorError } from '../../interface/errors.js';
import { createBatchPacer } from '../../kit/batches.js';
import { settledWithin } from '../../kit/deadline.js';
import { brokenFrame, type FrameGuard } from '../../kit/frame-guard.js';
import type { RowsRequest } from '../sql/connection.js';
import type { Texts } from './fields.js';

/** The connection that a read runs on. */
export interface ReadWire {
  client: Client;
  guard: FrameGuard;
}

/** An open portal, and the fields of its result. */
interface Portal {
  cursor: Cursor<Texts>;
  fields: FieldDef[];
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

/**
 * Opens a portal for a statement.
 * @throws ConnectorError `invalid_query` when the statement returns no rows
 */
export async function openPortal(
  { client }: ReadWire,
  { text, values }: { text: string; values: readonly (string | null)[] },
): Promise<Portal> {
  const cursor = client.query(
    new Cursor<Texts>(text, [...values], {
      rowMode: 'array',
      // Values are parsed where their row and column are known.
      types: { getTypeParser: () => (value: string) => value },
    }),
  );
  const fields = await described(client, cursor);
  if (fields) return { cursor, fields };
  await closePortal(client, cursor);
  throw new ConnectorError(
    'invalid_query',
    'The query returns no rows; only queries that return rows are run.',
    { remedy: 'Use a query that returns rows, such as a SELECT.' },
  );
}

/** How long a server may take to close a portal. */
const CLOSE_MS = 1_000;

/** Closes the portal. If the server does not comply, the connection is dropped. */
export async function closePortal({ connection }: Client, cursor: Cursor<Texts>): Promise<void> {
  let isClosed = false;
  const closing = cursor.close().then(() => {
    isClosed = true;
  });
  await settledWithin(closing, CLOSE_MS);
  if (!isClosed) connection.stream.destroy();
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

/** Sends what `ask` writes as one packet: with two, each batch would wake the server once more (5 % of a fast read). */
function askedAtOnce<Answer>({ connection: { stream } }: Client, ask: () => Answer): Answer {
  stream.cork();
  try {
    return ask();
  } finally {
    stream.uncork();
  }
}

export type BatchRequests = ReturnType<typeof createBatchRequests>;

/** Requests the batches of a portal, one at a time. */
export function createBatchRequests(
  { client, guard }: ReadWire,
  cursor: Cursor<Texts>,
  { limit, batchRows }: RowsRequest,
) {
  const awaited = watchRows(cursor, guard);
  let remaining = limit ?? Number.POSITIVE_INFINITY;
  let isPending = false;
  return {
    /** @returns undefined once the limit or the end of the result is reached */
    next(): Promise<Texts[]> | undefined {
      const rows = remaining > 0 ? awaited.next(Math.min(batchRows, remaining)) : 0;
      remaining -= rows;
      if (rows === 0) return undefined;
      isPending = true;
      const reading = askedAtOnce(client, () => cursor.read(rows));
      const asked = orLost(client, reading)
        .then((batch) => {
          if (batch.length < rows) remaining = 0;
          return batch;
        })
        .finally(() => {
          isPending = false;
        });
      // The failure is reported when the batch is taken, which may be later.
      asked.catch(() => undefined);
      return asked;
    },
    isPending: () => isPending,
  };
}
