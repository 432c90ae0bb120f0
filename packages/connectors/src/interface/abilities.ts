import type { FilterOp } from './filter.js';

/**
 * What an item of a source is. The first level of `browse` is the first kind that a source lists; sources of the same
 * kind of thing use the same word.
 */
export type Level =
  | 'bucket'
  | 'folder'
  | 'file'
  | 'catalog'
  | 'database'
  | 'dataset'
  | 'schema'
  | 'table'
  | 'view'
  | 'column'
  | 'resource'
  | 'repository';

/**
 * What a source can do, as data: the server refuses what a source does not claim, and the contract suite fails a source
 * that claims what it cannot do, or can do what it does not claim.
 */
export interface Abilities {
  /** Absent: the source is read by path only. */
  query?: {
    language: 'sql' | 'soql' | 'kql' | 'odata';
    /** `positional`: a list. `named`: values by name. `both`: either, as the query is written. */
    parameters: 'none' | 'positional' | 'named' | 'both';
  };
  /**
   * What `plan` may leave to the source when it reads a path. Operators of `filter` work on every column of which a
   * value can be compared; each plan says whether the source or the kit decides.
   */
  pushdown: { columns: boolean; limit: boolean; order: boolean; filter: readonly FilterOp[] };
  browse: {
    /** Kinds of items from the root down. A kind that contains itself is last but for what it contains. */
    levels: readonly Level[];
    /** Longest path in segments. */
    depth: number;
    search: boolean;
  };
  /** `path`: columns of a path without reading it. `path-and-query`: of a query, too, without running it. */
  describe: 'path' | 'path-and-query' | 'no';
  /** A plan may have several splits, which other sessions can read. */
  splits: boolean;
  /** A path can be read as the bytes that the source stores. */
  bytes: boolean;
  /** Paths are files: a request may have file options. */
  files: boolean;
  /** A later read can continue where one ended: by a column that grows, or by a token of the source. */
  incremental?: 'column' | 'token';
  /** `at-source`: the source receives a request to stop. `disconnect`: it notices that the connection has ended. */
  cancel: 'at-source' | 'disconnect';
  /** `enforced`: the source refuses writes in our sessions. `login`: only the login's own rights prevent them. */
  readOnly: 'enforced' | 'login';
  /** `Session.reset` removes everything that a user's statement may have left in the session. */
  reset: boolean;
}
