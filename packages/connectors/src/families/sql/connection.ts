import type { Column } from '../../interface/data-types.js';
import type { Batch, Parameters, ReadRequest, Split } from '../../interface/plan.js';
import type { Context, Findings } from '../../interface/session.js';
import type { SystemCatalog } from './browse.js';
import type { Comparable } from './where.js';

export interface FieldChoice {
  /** Columns of the result to keep, in this order; absent: all. */
  pick?: readonly string[];
  /** Columns to return as text. */
  asText: readonly string[];
}

/** One statement whose rows are read. */
export interface SqlStatement extends FieldChoice {
  text: string;
  /** Values of its parameters, as texts, for one of our own statements. */
  values?: readonly (string | null)[];
  /** Those of an author's query. */
  parameters?: Parameters;
}

export interface RowsRequest {
  batchRows: number;
  limit?: number;
}

/** A column of a statement's result, with the vendor's type. */
export type SqlColumn = Column & { native: string };

/** A statement that the server has accepted and described, but not run. */
export interface PreparedStatement {
  columns: readonly Column[];
  /** How the server compares columns, by their names; absent are those that it may compare otherwise than we do. */
  comparables: ReadonlyMap<string, Comparable>;
  /** Runs it. Batches arrive at most one ahead of the reader. Called at most once. */
  batches(request: RowsRequest): AsyncIterable<Batch>;
  /** Frees the connection for other statements. */
  close(): Promise<void>;
}

/** A statement of which the work at the server is cancelled before the connection is freed. */
export const cancelledOnClose = <Read extends Pick<PreparedStatement, 'close'>>(
  read: Read,
  cancel: () => Promise<void>,
): Read => ({
  ...read,
  async close() {
    await cancel();
    await read.close();
  },
});

/** How tables are read in parts, each by any connection. `null` stands for all of a table. */
export interface SqlParts {
  /**
   * Begins a transaction in which the server refuses writes, in the state of the split or in one that others can share.
   * @throws ConnectorError `invalid_query` for a split that was not made here, or whose state is gone
   */
  begin(request: Pick<ReadRequest, 'split' | 'consistency'>): Promise<void>;
  /** Cuts a table into at most so many, within the transaction. */
  of(table: readonly [schema: string, table: string], count: number): Promise<readonly Split[]>;
  /** The condition that selects the rows of a split; undefined for all. */
  condition(table: readonly [schema: string, table: string], split: Split): Promise<string | undefined>;
}

/** A signed-in connection. It throws the driver's errors and runs one statement at a time. */
export interface SqlConnection {
  catalog: SystemCatalog;
  /** Absent: tables are read in one. */
  parts?: SqlParts;
  /** Proves that the login works. */
  findings(): Promise<Findings>;
  /** Begins a transaction in which the server refuses writes. */
  begin(): Promise<unknown>;
  rollBack(): Promise<unknown>;
  /** Clears what a user's statement left behind: locks, prepared statements (case X13). */
  reset(): Promise<unknown>;
  /** Prepares exactly one statement, within the transaction. */
  prepare(statement: SqlStatement): Promise<PreparedStatement>;
  /** Columns of a statement, which is not run. */
  describe(statement: SqlStatement): Promise<readonly SqlColumn[]>;
  /** Makes the server cancel what is running, over a connection of its own. Never rejects. */
  cancel(): Promise<void>;
  /** Asks the server to close the connection, and waits until it has. */
  end(): Promise<void>;
}

/** A wire protocol. @throws the driver's errors */
export type ConnectSql<Options> = (options: Options, context: Context) => Promise<SqlConnection>;
