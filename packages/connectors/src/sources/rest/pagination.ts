import { sameOrigin } from '../../families/http/exchange.js';
import { lookup } from '../../families/http/json-paths.js';
import { assertIsAll, assertNoOtherReference, nextLink } from '../../families/http/next-page-signs.js';
import { withParameter } from '../../families/http/query.js';
import type { JsonValue } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { isArraySpan, isNullSpan, isObjectSpan, type JsonSpan, parseSpan } from '../../kit/json/spans.js';
import type { RestProperties } from './properties.js';

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
function referenceAt(page: AnsweredPage, path: string, inHeader: boolean): JsonValue | undefined {
  if (inHeader) return page.headers.get(path) ?? undefined;
  const span = lookup(page.json, path);
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

/** Reads the reference of each page. If the first page lacks it, it must not be elsewhere in the page. */
function referenceReader(property: string, path: string, inHeader: boolean) {
  let isFirst = true;
  return (page: AnsweredPage): JsonValue | undefined => {
    const value = referenceAt(page, path, inHeader);
    if (isFirst && value === undefined) assertNoOtherReference(page, property, path);
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

function offsetPager(p: RestProperties): Pager {
  // Qlik's names take precedence over those that Mooring introduced before they were known.
  const names = {
    start: p.OffsetStartField ?? p.OffsetStartParamName,
    startInHeader: p.IsOffsetStartFieldHeader ?? false,
    first: p.OffsetStartFieldValue ?? p.OffsetStartInitialValue,
    count: p.OffsetCountFieldName ?? p.OffsetCountParamName,
    countInHeader: p.IsOffsetCountFieldHeader ?? false,
    size: p.OffsetCountValue ?? p.OffsetPageSize,
  };
  const at = (url: URL, start: number): PageRequest => {
    const sized =
      names.size > 0 ? withField(request(url), names.count, names.size, names.countInHeader) : request(url);
    return withField(sized, names.start, start, names.startInHeader);
  };
  let received = 0;
  return {
    first: (url) => at(url, names.first),
    next(page) {
      // Counts the rows received, not the page size: many services send fewer.
      received += page.rowCount;
      const total = totalOf(page, p.OffsetTotalPath);
      if (page.rowCount === 0) {
        if (total !== undefined && received < total) throw fewerThanTotal(received, total);
        return undefined;
      }
      // A total may be the size of a page, capped, or outdated: only the next page tells whether there are more.
      return { ...at(page.url, names.first + received), isDoubted: total === received };
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

function pageNumberPager(p: RestProperties): Pager {
  const at = (url: URL, page: string | number): PageRequest => {
    const sized =
      p.NextPageSize > 0 ? withParameter(url, p.NextPageCountParamName, String(p.NextPageSize)) : url;
    return request(withParameter(sized, p.NextPageParamName, String(page)));
  };
  const read =
    p.NextPageFieldPath === undefined
      ? undefined
      : referenceReader('NextPageFieldPath', p.NextPageFieldPath, p.IsNextPageFieldPathHeader);
  let current = p.NextPageInitialValue;
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

function tokenPager(p: RestProperties): Pager {
  const read = referenceReader('NextTokenFieldPath', p.NextTokenFieldPath, p.IsNextTokenFieldPathHeader);
  return {
    first: request,
    next(page) {
      const token = read(page);
      return isEnd(token) ? undefined : request(withParameter(page.url, p.NextTokenParamName, textOf(token)));
    },
  };
}

function urlPager(p: RestProperties): Pager {
  const isLink = p.IsNextUrlFieldPathHeader && p.NextUrlFieldPath.toLowerCase() === 'link';
  const read = referenceReader('NextUrlFieldPath', p.NextUrlFieldPath, p.IsNextUrlFieldPathHeader);
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
function onePager(): Pager {
  return {
    first: request,
    next(page) {
      assertIsAll(page);
      return undefined;
    },
  };
}

/** The pager for the connection's `PaginationType`. */
export function createPager(properties: RestProperties): Pager {
  switch (properties.PaginationType) {
    case 'None':
      return properties.PaginationFirstPageOnly === true
        ? { first: request, next: () => undefined }
        : onePager();
    case 'Offset':
      return offsetPager(properties);
    case 'NextPage':
      return pageNumberPager(properties);
    case 'NextToken':
      return tokenPager(properties);
    case 'NextUrl':
      return urlPager(properties);
  }
}
