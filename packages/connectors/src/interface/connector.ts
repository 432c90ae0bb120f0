import type { FileOptions } from '@mooring/contract/file-options';
import type { Column, Row } from './data-types.js';
import type { Network } from './network.js';
import type { Retries } from './retries.js';
import type { Secret } from './secret.js';

/** A login, opened for one use. Never logged, never kept beyond the session. */
export interface Login {
  /** Id of the sign-in method in the manifest. */
  signIn: string;
  /**
   * Opened credential by property name; what the manifest marks as secret is a `Secret`. Files arrive as `[{name,
   * value}]`. See `kit/secret-fields`.
   */
  fields: Readonly<Record<string, unknown>>;
  /**
   * For OAuth sign-ins: a valid access token. `renew: true` after the source answered 401 to the last one.
   * @throws ConnectorError `auth_failed` when the user must sign in again
   */
  accessToken?: (options?: { renew?: boolean }) => Promise<Secret<string>>;
}

export interface ConnectorInput {
  /** Definition properties, validated by the manifest's schema, defaults applied. */
  properties: Readonly<Record<string, unknown>>;
  login: Login;
}

export interface SessionContext {
  network: Network;
  retries: Retries;
  /** The operator's `sources.<id>` settings, for instance `apiEndpoint` of a private cloud. Trusted. */
  settings: Readonly<Record<string, string>>;
  /** Aborted when the caller leaves, the deadline passes or the use is revoked. */
  signal: AbortSignal;
}

/** Where a test probes name resolution, route, TCP and TLS before the driver is loaded. */
export interface Target {
  host: string;
  port: number;
  /** `implicit`: TLS from the first byte. `starttls`: the driver upgrades. `none`: clear text. */
  tls: 'none' | 'implicit' | 'starttls';
}

export interface BrowseRequest {
  path: readonly string[];
  limit: number;
  /** Page token of the previous response. */
  page?: string;
  /** How to read files whose names do not give a format. */
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
  /** Pass it to browse or read. */
  path: readonly string[];
  /** Can be read with this path. */
  readable: boolean;
  /** Has children. */
  container: boolean;
  sizeBytes?: number;
  modified?: string;
  /** For columns. */
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
   * Columns to return as text: the source's own text where it has one, so that a value that its column's type cannot
   * represent can still be read. Such columns have the type `string`.
   */
  asText?: readonly string[];
  /** Maximum rows; the source should stop producing then. */
  limit?: number;
  /** Maximum rows per batch. */
  batchRows: number;
  /** How to read a file. */
  file?: FileOptions;
  /** A preview or a test: far lower caps apply to what the source sends. */
  isPreview?: boolean;
}

/** Rows in batches, pulled by the consumer: a connector reads at most one batch ahead. */
export interface RowStream {
  columns: readonly Column[];
  /**
   * How the file was read: the requested and the detected options. A request with these options returns the same rows.
   */
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

/** The behaviour of a data source. Only the file that implements it imports the driver. */
export interface Connector {
  /** The first target is the one that a test reports on. Pure. */
  targets(
    properties: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, string>>,
  ): readonly Target[];
  /** Connects and signs in. Rejects with `auth_failed`, `unreachable`, `tls_failed`, …; leaves nothing open then. */
  open(input: ConnectorInput, context: SessionContext): Promise<Session>;
}
