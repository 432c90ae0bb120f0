import type { Column, Row } from '../interface/data-types.js';
import type { TestInput, TestRead } from './bench.js';

/** A part of the suite that a source may not support. */
export type Ability =
  /** Sign-in with a secret that can be wrong. */
  | 'wrongPassword'
  /** `read` with a query text. */
  | 'query'
  /** Work at the source that lasts until it is cancelled. */
  | 'slow'
  /** Typed values: `types` of the harness. */
  | 'types';

/** One read and its exact expected result. */
export interface TypeExpectation {
  title: string;
  read: Pick<TestRead, 'path' | 'query'>;
  columns: readonly Pick<Column, 'name' | 'type'>[];
  rows: readonly Row[];
}

/** Work that does not end by itself within the test. */
export interface SlowWork {
  read: Pick<TestRead, 'path' | 'query'>;
  /** Whether the source is still working, checked independently of the session under test. */
  isRunning(): Promise<boolean>;
}

export interface StartedSource {
  good: TestInput;
  /** As `good` with a wrong password, key or token. */
  wrongPassword?: TestInput;
  /** Points to a port without a listener. */
  unreachable: TestInput;
  /** The operator's `sources.<id>` settings. */
  settings?: Readonly<Record<string, unknown>>;
  /** A readable item with at least 5 rows and 2 columns. */
  readablePath: readonly string[];
  /** Number of rows of `readablePath`. */
  readableRows: number;
  /** A query that returns at least one row. */
  query?: string;
  slow?: SlowWork;
  types?: readonly TypeExpectation[];
  close(): Promise<void>;
}

export interface ConnectorHarness {
  /** Starts and seeds the real server, fake or stand-in. Called once. */
  start(): Promise<StartedSource>;
  /** What this source does not support. Each is absent from the started source. */
  unsupported: readonly Ability[];
}
