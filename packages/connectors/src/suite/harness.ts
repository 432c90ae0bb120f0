import type { ConnectorInput, ReadRequest } from '../spec/connector.js';
import type { Column, Row } from '../spec/data-types.js';

/** A part of the suite that a source may be unable to take. */
export type Ability =
  /** Sign-in with a secret that can be wrong. */
  | 'wrongPassword'
  /** `read` with a query text. */
  | 'query'
  /** Work at the source that lasts until it is cancelled. */
  | 'slow'
  /** Typed values: `types` of the harness. */
  | 'types';

/** One read and exactly what must come back. */
export interface TypeExpectation {
  title: string;
  read: Pick<ReadRequest, 'path' | 'query'>;
  columns: readonly Pick<Column, 'name' | 'type'>[];
  rows: readonly Row[];
}

/** Work that does not end on its own within the test. */
export interface SlowWork {
  read: Pick<ReadRequest, 'path' | 'query'>;
  /** Whether the source is still busy with it, asked by another way than the session under test. */
  isRunning(): Promise<boolean>;
}

export interface StartedSource {
  good: ConnectorInput;
  /** As `good` with a wrong password, key or token. */
  wrongPassword?: ConnectorInput;
  /** Aims at a port that nothing listens on. */
  unreachable: ConnectorInput;
  /** `sources.<id>` settings of the operator. */
  settings?: Readonly<Record<string, string>>;
  /** A readable item of at least 5 rows and 2 columns. */
  readablePath: readonly string[];
  /** Rows that `readablePath` has. */
  readableRows: number;
  /** A query that yields at least one row. */
  query?: string;
  slow?: SlowWork;
  types?: readonly TypeExpectation[];
  close(): Promise<void>;
}

export interface ConnectorHarness {
  /** Starts the real server, fake or stand-in and seeds it. Called once. */
  start(): Promise<StartedSource>;
  /** What this source cannot do. Each is absent from the started source. */
  unsupported: readonly Ability[];
}
