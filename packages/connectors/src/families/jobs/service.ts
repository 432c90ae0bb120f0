// What a source that runs statements as jobs has to say. It throws native errors.
import type { Call } from '../../interface/call.js';
import type { Column, Row } from '../../interface/data-types.js';
import type { ReadRequest } from '../../interface/plan.js';
import type { Session } from '../../interface/session.js';

/** Some rows of a result, in its order and as the source sends them. */
export interface RowsPage {
  rows: readonly unknown[];
  /** Token of the page after it; absent: this is the last. */
  next?: string;
}

/** A result that the source keeps, page by page. */
export interface PagedRows {
  /** Those that were asked for, in that order. */
  columns: readonly Column[];
  /** A row of these columns, texts as asked for. Called once for each row that is read, in their order. */
  toRow(row: unknown): Row;
  first: RowsPage;
  /** @param token of the page @param rowsMax to ask for; more may come */
  page(token: string, rowsMax: number, call: Call): Promise<RowsPage>;
}

/** One statement, from before it is sent until its result is there. */
export interface Job {
  /**
   * Sends the statement. It is not interrupted, since only then is it known what is to be stopped.
   * @returns the result, if the source had it at once
   */
  submit(): Promise<PagedRows | undefined>;
  /** @returns undefined while the job runs; the source may hold that answer for seconds */
  poll(call: Call): Promise<PagedRows | undefined>;
  /** Stops the job at the source. Called once at most, perhaps before `submit` was answered or after it failed. */
  cancel(): Promise<void>;
}

export interface JobService extends Pick<Session, 'ping' | 'browse' | 'describe'> {
  /** The job for a request, or a result for which no job is needed. */
  read(request: ReadRequest, call: Call): Promise<Job | PagedRows>;
}
