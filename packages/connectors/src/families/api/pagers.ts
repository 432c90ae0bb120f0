import type { JsonValue } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { isArraySpan, isNullSpan, isObjectSpan, type JsonSpan, parseSpan } from '../../kit/json/spans.js';
import { sameOrigin } from '../http/exchange.js';
import { lookup } from '../http/json-paths.js';
import { assertIsAll, assertNoOtherReference, nextLink } from '../http/next-page-signs.js';
import { withParameter } from '../http/query.js';
import type { Paging, Reference } from './paging.js';

const scalarBytesMax = 16 * 1024;

/** What a pager needs to find the next page. */
export interface AnsweredPage {
  /** URL of the page, after redirects. */
  url: URL;
  status: number;
  headers: Headers;
  json: JsonSpan | undefined;
  /** Its rows are items of a list, so members around the list describe the list. */
  hasList: boolean;
  rowCount: number;
}

/** The request for a page. */
export interface PageRequest {
  url: URL;
  /** Headers for this page only. */
  headers: Readonly<Record<string, string>>;
  /** The page may not exist: a 404 for it can be the regular end. */
  isDoubted?: boolean;
}

/** The progress through the pages of one read; stateful, so each read has its own. */
export interface Pager {
  first(url: URL): PageRequest;
  /**
   * The request for the page after this one; undefined at the end.
   * @throws ConnectorError `protocol_error` when the source points outside the connection's origin or contradicts
   * itself, `invalid_config` when the reference is not at the configured path
   */
  next(page: AnsweredPage): PageRequest | undefined;
}

const request = (url: URL): PageRequest => ({ url, headers: {} });

/** The reference to the next page, as the source wrote it: a number keeps its digits. Undefined if it is missing. */
function referenceAt(page: AnsweredPage, { at, inHeader }: Reference): JsonValue | undefined {
  if (inHeader) return page.headers.get(at) ?? undefined;
  const span = lookup(page.json, at);
  if (span === undefined) return undefined;
  const isScalar = !isArraySpan(span) && !isObjectSpan(span) && span.end - span.start <= scalarBytesMax;
  if (!isScalar) throw noReference();
  const value = parseSpan(span);
  if (typeof value !== 'number') return value;
  // Known services do not use zero as a page or token; it means that there are no more.
  return value === 0 ? null : span.bytes.toString('latin1', span.start, span.end);
}

const noReference = () =>
  new ConnectorError('protocol_error', 'The reference to the next page is neither text nor a number.');

/** Known services use absent, null, false and empty values for the last page. */
function isEnd(value: JsonValue | undefined): value is undefined {
  return value === undefined || value === null || value === false || value === '';
}

function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  throw noReference();
}

/** Reads the reference of each page. If the first page lacks one that a user configured, it must not be elsewhere. */
function referenceReader(reference: Reference) {
  let isFirst = true;
  return (page: AnsweredPage): JsonValue | undefined => {
    const value = referenceAt(page, reference);
    if (isFirst && value === undefined && reference.property !== undefined)
      assertNoOtherReference(page, reference.property, reference.at);
    isFirst = false;
    return value;
  };
}

/** The total number of rows according to the source; undefined if it does not say. */
function totalOf(page: AnsweredPage, path: string | undefined): number | undefined {
  const span = path === undefined ? undefined : lookup(page.json, path);
  if (span === undefined || isNullSpan(span)) return undefined;
  const isScalar = !isArraySpan(span) && !isObjectSpan(span) && span.end - span.start <= 64;
  const value = isScalar ? parseSpan(span) : undefined;
  const total = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof total === 'number' && Number.isSafeInteger(total) && total >= 0) return total;
  throw new ConnectorError('invalid_config', 'The value at OffsetTotalPath is not a row count.', {
    remedy: 'Check OffsetTotalPath, or leave it out: pages are then read until one is empty.',
  });
}

function withField(
  { url, headers }: PageRequest,
  name: string,
  value: number,
  inHeader: boolean,
): PageRequest {
  if (inHeader) return { url, headers: { ...headers, [name.toLowerCase()]: String(value) } };
  return { url: withParameter(url, name, String(value)), headers };
}

type Of<By extends Paging['by']> = Extract<Paging, { by: By }>;

function offsetPager({ start, size, totalAt }: Of<'offset'>): Pager {
  const at = (url: URL, row: number): PageRequest => {
    const sized =
      size.value > 0 ? withField(request(url), size.name, size.value, size.inHeader) : request(url);
    return withField(sized, start.name, row, start.inHeader);
  };
  let received = 0;
  return {
    first: (url) => at(url, start.value),
    next(page) {
      // Counts the rows received, not the page size: many services send fewer.
      received += page.rowCount;
      const total = totalOf(page, totalAt);
      if (page.rowCount === 0) {
        if (total !== undefined && received < total) throw fewerThanTotal(received, total);
        return undefined;
      }
      // A total may be the size of a page, capped, or outdated: only the next page tells whether there are more.
      return { ...at(page.url, start.value + received), isDoubted: total === received };
    },
  };
}

function fewerThanTotal(received: number, total: number): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `The source reports ${total} rows, but sent ${received} before an empty page.`,
    { remedy: 'Leave OffsetTotalPath out if it is not exact: pages are then read until one is empty.' },
  );
}

function pageNumberPager({ name, first, size, next: reference }: Of<'page'>): Pager {
  const at = (url: URL, page: string | number): PageRequest => {
    const sized = size.value > 0 ? withParameter(url, size.name, String(size.value)) : url;
    return request(withParameter(sized, name, String(page)));
  };
  const read = reference && referenceReader(reference);
  let current = first;
  return {
    first: (url) => at(url, current),
    next(page) {
      current += 1;
      if (!read) return page.rowCount === 0 ? undefined : at(page.url, current);
      const next = read(page);
      if (isEnd(next)) return undefined;
      const number = next === true ? String(current) : textOf(next);
      // No page precedes the first one: services write 0 or -1 for none.
      return /^(?:0|-\d+)$/.test(number) ? undefined : at(page.url, number);
    },
  };
}

function cursorPager({ name, next }: Of<'cursor'>): Pager {
  const read = referenceReader(next);
  return {
    first: request,
    next(page) {
      const cursor = read(page);
      return isEnd(cursor) ? undefined : request(withParameter(page.url, name, textOf(cursor)));
    },
  };
}

function urlPager({ next: reference }: Of<'url'>): Pager {
  const isLink = reference.inHeader && reference.at.toLowerCase() === 'link';
  const read = referenceReader(reference);
  return {
    first: request,
    next(page) {
      const value = read(page);
      const next = isLink && typeof value === 'string' ? nextLink(value) : value;
      return isEnd(next) ? undefined : request(sameOrigin(textOf(next), page.url, 'the next page'));
    },
  };
}

/** Without pagination the first page is everything, unless it says otherwise. */
function onePager({ isFirstEnough }: Of<'none'>): Pager {
  return {
    first: request,
    next(page) {
      if (!isFirstEnough) assertIsAll(page);
      return undefined;
    },
  };
}

export function createPager(paging: Paging): Pager {
  switch (paging.by) {
    case 'none':
      return onePager(paging);
    case 'offset':
      return offsetPager(paging);
    case 'page':
      return pageNumberPager(paging);
    case 'cursor':
      return cursorPager(paging);
    case 'url':
      return urlPager(paging);
  }
}
