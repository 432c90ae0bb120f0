import type { FileOptions } from '@mooring/contract/file-options';
import type { Column, Row } from './data-types.js';
import type { Network } from './network.js';
import type { Secret } from './secret.js';

/** A login, opened by the secret broker for one use. Never logged, never kept beyond the session. */
export interface Login {
  /** Id of the sign-in method of the manifest. */
  signIn: string;
  /**
   * Opened credential by property name, what the manifest marks as secret as `Secret`. Files arrive as `[{name, value}]`.
   * See `kit/secret-fields`.
   */
  fields: Readonly<Record<string, unknown>>;
  /**
   * For OAuth sign-ins: a valid access token. `renew: true` after the source answered 401 to the last one.
   * @throws ConnectorError `auth_failed` when the person must sign in again.
   */
  accessToken?: (options?: { renew?: boolean }) => Promise<Secret<string>>;
}

export interface ConnectorInput {
  /** Definition properties, validated by the manifest's schema, defaults applied. */
  properties: Readonly<Record<string, unknown>>;
  login: Login;
}

/** Second tries, saved up for all uses of a source together; `origin` is its host and port. */
export interface Retries {
  /** Takes one. @returns false when none is saved up */
  take(origin: string): Promise<boolean>;
  /** One that was taken and not used. */
  giveBack(origin: string): void;
  /** A request was answered, which earns a part of one. */
  earn(origin: string): void;
}

export interface SessionContext {
  network: Network;
  retries: Retries;
  /** The operator's `sources.<id>` settings, for instance `apiEndpoint` of a private cloud. Trusted. */
  settings: Readonly<Record<string, string>>;
  /** Aborted when the caller leaves, the deadline passes or the use is revoked. */
  signal: AbortSignal;
}

/** Where a test probes name, route, TCP and TLS before the driver is loaded. */
export interface Target {
  host: string;
  port: number;
  /** `implicit`: TLS from the first byte. `starttls`: the driver upgrades. `none`: clear text. */
  tls: 'none' | 'implicit' | 'starttls';
}

export interface BrowseRequest {
  path: readonly string[];
  limit: number;
  /** Cursor of the previous answer. */
  page?: string;
  /** How files are read whose names do not say it. */
  file?: FileOptions;
}

export interface BrowseItem {
  name: string;
  kind:
    | 'bucket'
    | 'folder'
    | 'file'
    | 'catalog'
    | 'dataset'
    | 'schema'
    | 'table'
    | 'view'
    | 'column'
    | 'resource';
  /** Give it back to browse or read. */
  path: readonly string[];
  /** Can be read with this path. */
  readable: boolean;
  /** Has items below it. */
  container: boolean;
  sizeBytes?: number;
  modified?: string;
  /** Of a column. */
  type?: string;
  nullable?: boolean;
}

export interface BrowseAnswer {
  items: readonly BrowseItem[];
  next?: string;
}

export interface ReadRequest {
  /** Exactly one of path and query. */
  path?: readonly string[];
  query?: string;
  /** Only these columns, in this order. Unknown names fail with `invalid_query`. */
  columns?: readonly string[];
  /**
   * Columns whose values come as text, whatever they are: the source's own text of them where it has one, which is how
   * a value that its column's type cannot hold is read all the same. They are columns of `string` then.
   */
  asText?: readonly string[];
  /** Rows at the most; the source should stop producing then. */
  limit?: number;
  /** Rows a batch at the most. */
  batchRows: number;
  /** How a file is read. */
  file?: FileOptions;
  /** A preview or a test: what the source sends is held to far lower caps. */
  isPreview?: boolean;
}

/** Rows in batches, pulled by the consumer: a connector reads ahead by one batch at the most. */
export interface RowStream {
  columns: readonly Column[];
  /** How a file is read: what was asked for and what was found. A request that says the same gets the same rows. */
  file?: FileOptions;
  batches: AsyncIterable<readonly Row[]>;
}

/** An open, signed-in session with a source. All failures are `ConnectorError`s. */
export interface Session {
  /** Proves that the login works, with the cheapest authenticated request. */
  ping(): Promise<void>;
  browse(request: BrowseRequest): Promise<BrowseAnswer>;
  /** Leaving the iteration (`return()`) or aborting the context's signal stops the work at the source. */
  read(request: ReadRequest): Promise<RowStream>;
  /** Idempotent; leaves no socket and no timer. */
  close(): Promise<void>;
}

/** A data source's behaviour; the driver is imported by the file that implements it. */
export interface Connector {
  /** First target is the one a test reports on. Pure. */
  targets(
    properties: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, string>>,
  ): readonly Target[];
  /** Connects and signs in. Rejects with `auth_failed`, `unreachable`, `tls_failed`, …; leaves nothing open then. */
  open(input: ConnectorInput, context: SessionContext): Promise<Session>;
}
