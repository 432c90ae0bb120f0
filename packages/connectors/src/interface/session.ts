import type { FileOptions } from '@mooring/contract/file-options';
import type { Level } from './abilities.js';
import type { Call } from './call.js';
import type { Column } from './data-types.js';
import type { Network } from './network.js';
import type { Path, ReadPlan, ReadRequest, Target } from './plan.js';
import type { Retries } from './retries.js';

/** For the life of a session, which may do several pieces of work for one user, one after the other. */
export interface Context {
  network: Network;
  /** Aborted when the session must end at once, and when it has ended. */
  signal: AbortSignal;
  retries: Retries;
}

/** What a source says about itself and about us. Texts of a server; the kit cuts them and removes the login's secrets. */
export interface Findings {
  server?: { product: string; version: string };
  /** As whom the source sees the login. */
  account?: string;
  /** As found, where the account or the way to the source decides. */
  readOnly?: 'enforced' | 'login';
  /** A connection pool between here and the server. */
  pooler?: boolean;
  hostKey?: { algorithm: string; sha256: string };
  notes?: readonly { text: string; remedy?: string }[];
}

export interface BrowseRequest {
  path: Path;
  limit: number;
  /** Page token of the previous page. */
  page?: string;
  /** Part of a name; only with the ability. */
  search?: string;
  /** How to read files whose names do not give a format. */
  file?: FileOptions;
}

export interface Item {
  name: string;
  kind: Level;
  /** Pass it to browse or read. */
  path: Path;
  readable: boolean;
  container: boolean;
  sizeBytes?: number;
  /** RFC 3339. */
  modified?: string;
  /** For columns: the neutral or the vendor's type. */
  type?: string;
  nullable?: boolean;
}

export interface Page<Entry> {
  items: readonly Entry[];
  /** Page token of the next page. */
  next?: string;
}

/** What is known of a target without reading it. */
export interface Described {
  kind: Level | 'query';
  columns: readonly (Column & {
    /** The vendor's type. */
    native: string;
    comment?: string;
  })[];
  comment?: string;
  /** As the source estimates it. */
  rows?: number;
  bytes?: number;
  primaryKey?: readonly string[];
  file?: FileOptions;
}

export interface BytesRequest {
  path: Path;
  /** `to` is inclusive, as in RFC 9110 section 14.1.2. */
  range?: { from: number; to?: number };
}

export interface ByteStream {
  name: string;
  /** Of the whole object. */
  size?: number;
  range?: { from: number; to: number };
  etag?: string;
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * An open, signed-in session with a source, as its connector writes it. It throws whatever the driver throws; the kit
 * translates by the source's error table. The kit sees to it that one method runs at a time, ends what does not end, and
 * closes what `close` leaves open.
 */
export interface Session {
  /** Proves that the login works, with the cheapest authenticated request. */
  ping(call: Call): Promise<Findings>;
  browse(request: BrowseRequest, call: Call): Promise<Page<Item>>;
  describe?(target: Target, call: Call): Promise<Described>;
  plan(request: ReadRequest, call: Call): Promise<ReadPlan>;
  bytes?(request: BytesRequest, call: Call): Promise<ByteStream>;
  /** Asks the source to stop what the session is doing. Called while another method runs. */
  cancel?(): Promise<void>;
  /** Removes everything that a user's statement may have left. */
  reset?(call: Call): Promise<void>;
  /** Says goodbye. What is still open a second later is destroyed. */
  close(): Promise<void>;
}
