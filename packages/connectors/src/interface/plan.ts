import type { FileOptions } from '@mooring/contract/file-options';
import type { RecordBatch } from 'apache-arrow';
import type { Call } from './call.js';
import type { Column, JsonValue, NeutralType, Row } from './data-types.js';
import type { Filter, JsonScalar, Order } from './filter.js';

/** Segments from the root of the source, as browse returns them. */
export type Path = readonly string[];

/** A value for a placeholder of a query. Without a type, the source chooses one by the JSON type. */
export type Parameter = JsonScalar | { type: NeutralType; value: JsonScalar };
/** By position, or by name; see `Abilities.query.parameters`. */
export type Parameters = readonly Parameter[] | Readonly<Record<string, Parameter>>;

export type Target = { path: Path } | { query: string; parameters?: Parameters };

/** A part of a read that another session, perhaps on another node, can read. Only its source understands it; at most 4 KB. */
export type Split = JsonValue;
/** Where a later read continues. Only its source understands it. */
export type Cursor = JsonValue;

export interface ReadRequest {
  target: Target;
  /** Only these columns, in this order. Unknown names fail with `invalid_query`. */
  columns?: readonly string[];
  /** Columns to read as text: the source's own text where it has one. They have the type `string`. */
  asText?: readonly string[];
  file?: FileOptions;
  where?: Filter;
  orderBy?: readonly Order[];
  /** Maximum rows. Given only where the source may stop there. */
  limit?: number;
  /** Maximum rows of which `where` is true, instead of `limit`. A source may stop there if it does the whole filter. */
  matches?: number;
  since?: Cursor;
  /** A split of an earlier plan for the same request. */
  split?: Split;
  /** Splits to make, if the source can; default 1. */
  parts?: number;
  /** `snapshot`: all splits see one state of the source while the planning session is open. */
  consistency?: 'none' | 'snapshot';
  /** Kinds of batches that the reader can use, best first. */
  lanes: readonly ('rows' | 'arrow')[];
}

/** Rows, or a record batch whose columns have the types of `kit/arrow` for the plan's columns. */
export type Batch = { rows: readonly Row[] } | { arrow: RecordBatch };

/** What a plan has left to the source. The kit does the rest. */
export interface Done {
  columns: boolean;
  limit: boolean;
  order: boolean;
  asText: boolean;
  /** `none`, or a filter that remains to be checked: the source returns at least the rows that match. */
  filter: 'all' | 'none' | Filter;
}

/** What a source will do for a read, before it does it. */
export interface ReadPlan {
  columns: readonly Column[];
  done: Done;
  /** At least one. */
  splits: readonly Split[];
  consistency?: 'none' | 'snapshot';
  /** How the file is read: the requested and the detected options. */
  file?: FileOptions;
  /** Batches of one split, at most one ahead of the reader. `return()` or the call's signal stops the work at the source. */
  open(split: Split, how: { batchRows: number }, call: Call): AsyncIterable<Batch>;
  /** After the last batch. */
  cursor?(): Cursor | undefined;
  /** Frees what the plan holds at the source. Always called. */
  close(): Promise<void>;
}
