// What tests know of a source. Whatever goes over all sources reads it here: the contract suite, the destination matrix, the
// canary scan, the egress canary. Each source has one, in `sources/<id>/harness.ts`; sources of a family share a function.
import type { FileOptions } from '@mooring/contract/file-options';
import type { LabAuthorizationServer } from '@mooring/lab/authorization-server';
import type { Column, Row } from '../interface/data-types.js';
import type { TokenSource, Values } from '../interface/login.js';
import type { Parameters, Path } from '../interface/plan.js';
import type { SharedServers } from './shared-servers.js';

/** A listener. */
export interface Place {
  host: string;
  port: number;
  url: string;
}

/** Where credentials may go, and where they must never go. */
export interface Places {
  here: Place;
  there: Place;
  /** PEM of another authority. */
  certificate: string;
}

/**
 * What a change means for the credentials of a connection. `confirm`: another destination, which every user confirms, and an
 * embedded credential is sent again in the same request. `keep`: harmless. `refuse`: not valid; nothing is changed.
 */
export type Meaning = 'confirm' | 'keep' | 'refuse';

export interface Edit {
  /** In a few words that sources share, for instance `TLS lowered`. */
  what: string;
  /** New values of definition properties, all in one request. With `confirm`, each of them alone is another destination. */
  change: Values;
  meaning: Meaning;
  /**
   * What an embedded credential needs at the new destination, where that is not the same again. `made elsewhere`: in a browser,
   * or a file, so that this test does not have it.
   */
  again?: Values | 'made elsewhere';
}

/** Every definition property stands in at least one edit, every credential property in one of the logins. */
export interface Destinations {
  /** The operator's `sources.<id>`, where they have the address. */
  settings?: Values;
  /** Of an item that only the server can tell of; default: `['sales', 'orders.csv']`. */
  path?: Path;
  /** Leads to `here`. */
  definition: Values;
  /** That `definition` asks for. */
  credential: Values;
  edits: readonly Edit[];
  /** Definition and credential of the other ways of signing in, by login method. */
  logins?: Readonly<Record<string, Values>>;
}

/** A connection as a user fills it in: definition and credential. */
export interface Connection {
  /** What sets it apart from the others of its source, for instance `wrong password`. */
  name: string;
  properties: Values;
  /** For the contract suite, where the service would exchange the login for a token. */
  token?: TokenSource;
  /** What is read; default: the source's `readable`. */
  target?: { path: Path } | { query: string };
}

/** Secrets that a test has made up and will search for. */
export interface Fresh {
  /** One that every encoding changes. */
  awkward(name: string): string;
  /** One of letters, digits and `.`, `_`, `-`. */
  plain(name: string): string;
}

/** Work that does not end by itself within the test. */
export interface SlowWork {
  /** Default: the first good one. */
  connection?: Connection;
  read: { path: Path } | { query: string };
  /** Whether the source is still working, checked independently of the session under test. */
  isRunning(): Promise<boolean>;
}

/** One read and its exact expected result. */
export interface TypeExpectation {
  title: string;
  read: { path: Path } | { query: string };
  columns: readonly Pick<Column, 'name' | 'type'>[];
  rows: readonly Row[];
}

/** A query with a placeholder, and its rows. */
export interface Parameterised {
  query: string;
  parameters: Parameters;
  rows: readonly Row[];
}

/** What the suite proves abilities with. One that is missing for an ability that the source claims fails. */
export interface Proofs {
  /** A query that returns at least one row. */
  query?: string;
  /** One for each way in which the source takes parameters. */
  parameterised?: readonly Parameterised[];
  /** A query that writes, by a login that may. */
  write?: { query: string; isWritten(): Promise<boolean> };
  /**
   * A query that leaves something in its session, beyond the end of its transaction, and one that sees it; or, where each
   * statement is a session of its own, whether the server has been asked to keep one.
   */
  residue?: { leave: string; look: string } | { keepsSessions(): Promise<boolean> };
  /** Options with which `readable` is read otherwise. */
  file?: FileOptions;
  /** Adds rows at the end of `readable`, for a source that reads from where it ended or in the state of a moment. */
  grow?(): Promise<{ rows: readonly Row[]; undo(): Promise<void> }>;
  slow?: SlowWork;
  types?: readonly TypeExpectation[];
}

/** A source with its server, which is running. */
export interface StartedSource extends Proofs {
  /**
   * Work, one for each way of signing in that runs here. The first is the one that most tests use. Together they set every
   * property that is dialled in a use.
   */
  good: readonly [Connection, ...Connection[]];
  /** As the first, with a wrong password, key or token. */
  wrong?: Connection;
  /** As the first, but nothing listens there. */
  unreachable: Connection & { settings?: Values };
  /**
   * Do not work: the login is refused, or the server repeats it in all that it answers. Together with those that work they
   * set every property that is secret.
   */
  refused(fresh: Fresh): readonly Connection[];
  /** Their user signs in in a browser, at the provider that was given. */
  bySignIn?: readonly Connection[];
  /** The operator's `sources.<id>`. */
  settings?: Values;
  /** An item with at least 5 rows and 2 columns; of the first, the values differ, and are numbers if the source sorts. */
  readable: { path: Path; rows: number };
  close(): Promise<void>;
}

/** What several sources share while they are tested together. */
export interface Surroundings {
  /** Servers that several sources use. They end with the surroundings. */
  servers?: SharedServers;
  /** Its tokens are good for sources that take tokens. `tokenUrl` may lead to it by a detour. */
  provider?: { server: LabAuthorizationServer; tokenUrl: string };
}

export interface SourceHarness {
  /** What is answered without asking the source: the first level of `browse`, `describe` of what is readable. */
  unasked?: readonly ('browse' | 'describe')[];
  /** Why `mooring demo` has no connection of this source. */
  notInDemo?: string;
  /** Pure. */
  destinations(places: Places): Destinations;
  /** Starts and seeds the real server, or a stand-in where none runs here. */
  start(surroundings?: Surroundings): Promise<StartedSource>;
}
