// How an API gives a list in pages, as data.

/** Where a page refers to the next one. */
export interface Reference {
  /** A JSON pointer, names joined by dots, or the name of a response header. */
  at: string;
  inHeader: boolean;
  /** The property with which the connection sets `at`, for messages. Absent: the source itself sets it. */
  property?: string;
}

/** A number that is sent in the query, or in a request header. */
interface SentNumber {
  name: string;
  value: number;
  inHeader: boolean;
}

export type Paging =
  /** One page. Unless `isFirstEnough`, a response that indicates more pages is refused. */
  | { by: 'none'; isFirstEnough: boolean }
  /** By the number of rows received, until a page has none. */
  | {
      by: 'offset';
      start: SentNumber;
      /** 0: not sent. */
      size: SentNumber;
      /** Where the total number of rows is. */
      totalAt?: string | undefined;
      endsAt404: boolean;
    }
  /** By the number of the page, until a page has no rows or, with `next`, no reference. */
  | {
      by: 'page';
      name: string;
      first: number;
      /** 0: not sent. */
      size: { name: string; value: number };
      next?: Reference | undefined;
      endsAt404: boolean;
    }
  /** By a cursor that each page gives for the next one. */
  | { by: 'cursor'; name: string; next: Reference }
  /** By the URL of the next page, in the body or in a Link header (RFC 8288). It must be of the same origin. */
  | { by: 'url'; next: Reference };

/** Link headers with `rel="next"` (RFC 8288). */
export const byLinkHeader: Paging = { by: 'url', next: { at: 'link', inHeader: true } };
