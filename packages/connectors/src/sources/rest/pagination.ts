import { sameOrigin } from '../../families/http/exchange.js';
import { lookup } from '../../families/http/json-paths.js';
import { assertIsAll, assertNoOtherReference, nextLink } from '../../families/http/next-page-signs.js';
import { withParameter } from '../../families/http/query.js';
import { isArraySpan, isNullSpan, isObjectSpan, type JsonSpan, parseSpan } from '../../kit/json/spans.js';
import type { JsonValue } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import type { RestProperties } from './properties.js';

const scalarBytesMax = 16 * 1024;

/** What a pager looks at to decide where the next page is. */
export interface AnsweredPage {
  /** Where the page came from, after redirects. */
  url: URL;
  status: number;
  headers: Headers;
  json: JsonSpan | undefined;
  /** Its rows are items of a list, so that what stands around the list is about the list. */
  hasList: boolean;
  rowCount: number;
}

/** What asks for a page. */
export interface PageRequest {
  url: URL;
  /** Headers of this page alone. */
  headers: Readonly<Record<string, string>>;
  /** The source says that there is no such page, but perhaps it says so of something else. */
  isDoubted?: boolean;
}

/** The way through the pages of one read; holds its position, so each read has its own. */
export interface Pager {
  first(url: URL): PageRequest;
  /**
   * Asks for the page after this one, undefined at the end.
   * @throws ConnectorError `protocol_error` when the source points outside the connection's origin or contradicts
   * itself, `invalid_config` when the field that leads on is not where the connection says
   */
  next(page: AnsweredPage): PageRequest | undefined;
}

const request = (url: URL): PageRequest => ({ url, headers: {} });

/** What leads on, as the source wrote it: a number keeps its digits. Undefined where there is nothing. */
function referenceAt(page: AnsweredPage, path: string, inHeader: boolean): JsonValue | undefined {
  if (inHeader) return page.headers.get(path) ?? undefined;
  const span = lookup(page.json, path);
  if (span === undefined) return undefined;
  const isScalar = !isArraySpan(span) && !isObjectSpan(span) && span.end - span.start <= scalarBytesMax;
  if (!isScalar) throw noReference();
  const value = parseSpan(span);
  if (typeof value !== 'number') return value;
  // Zero is no page and no token in services that are around: it says that there is no more.
  return value === 0 ? null : span.bytes.toString('latin1', span.start, span.end);
}

const noReference = () =>
  new ConnectorError('protocol_error', 'The reference to the next page is neither text nor a number.');

/** Absent, null, false and empty all mean the last page in services that are around. */
function isEnd(value: JsonValue | undefined): value is undefined {
  return value === undefined || value === null || value === false || value === '';
}

function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  throw noReference();
}

interface Reference {
  property: string;
  path: string;
  inHeader: boolean;
}

/** Reads the reference of each page. Where the first one has none, it must not have it elsewhere. */
function referenceReader({ property, path, inHeader }: Reference) {
  let isFirst = true;
  return (page: AnsweredPage): JsonValue | undefined => {
    const value = referenceAt(page, path, inHeader);
    if (isFirst && value === undefined) assertNoOtherReference(page, property, path);
    isFirst = false;
    return value;
  };
}

/** Where the source says how many rows there are; undefined where it does not say it. */
function totalOf(page: AnsweredPage, path: string | undefined): number | undefined {
  const span = path === undefined ? undefined : lookup(page.json, path);
  if (span === undefined || isNullSpan(span)) return undefined;
  const isScalar = !isArraySpan(span) && !isObjectSpan(span) && span.end - span.start <= 64;
  const value = isScalar ? parseSpan(span) : undefined;
  const total = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof total === 'number' && Number.isSafeInteger(total) && total >= 0) return total;
  throw new ConnectorError('invalid_config', 'What stands at OffsetTotalPath is no number of rows.', {
    remedy: 'Check OffsetTotalPath, or leave it out: pages are then read until one is empty.',
  });
}

interface OffsetNames {
  start: string;
  startInHeader: boolean;
  first: number;
  count: string;
  countInHeader: boolean;
  size: number;
}

/** Qlik's names come before the ones that Mooring had before it knew them. */
export const offsetNames = (p: RestProperties): OffsetNames => ({
  start: p.OffsetStartField ?? p.OffsetStartParamName,
  startInHeader: p.IsOffsetStartFieldHeader ?? false,
  first: p.OffsetStartFieldValue ?? p.OffsetStartInitialValue,
  count: p.OffsetCountFieldName ?? p.OffsetCountParamName,
  countInHeader: p.IsOffsetCountFieldHeader ?? false,
  size: p.OffsetCountValue ?? p.OffsetPageSize,
});

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
  const names = offsetNames(p);
  const at = (url: URL, start: number): PageRequest => {
    const sized =
      names.size > 0 ? withField(request(url), names.count, names.size, names.countInHeader) : request(url);
    return withField(sized, names.start, start, names.startInHeader);
  };
  let received = 0;
  return {
    first: (url) => at(url, names.first),
    next(page) {
      // The rows that came count, not the size that was asked for: many services send fewer.
      received += page.rowCount;
      const total = totalOf(page, p.OffsetTotalPath);
      if (page.rowCount === 0) {
        if (total !== undefined && received < total) throw fewerThanTotal(received, total);
        return undefined;
      }
      // A total may be the size of a page, or capped, or older than the rows: whether there are more the next page tells.
      return { ...at(page.url, names.first + received), isDoubted: total === received };
    },
  };
}

function fewerThanTotal(received: number, total: number): ConnectorError {
  return new ConnectorError(
    'protocol_error',
    `The source says that it has ${total} rows, and sent ${received} before an empty page.`,
    { remedy: 'Leave OffsetTotalPath out if it is no exact number: pages are then read until one is empty.' },
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
      : referenceReader({
          property: 'NextPageFieldPath',
          path: p.NextPageFieldPath,
          inHeader: p.IsNextPageFieldPathHeader,
        });
  let current = p.NextPageInitialValue;
  return {
    first: (url) => at(url, current),
    next(page) {
      current += 1;
      if (!read) return page.rowCount === 0 ? undefined : at(page.url, current);
      const next = read(page);
      if (isEnd(next)) return undefined;
      const number = next === true ? String(current) : textOf(next);
      // No page is before the first one: services write 0 or -1 for none.
      return /^(?:0|-\d+)$/.test(number) ? undefined : at(page.url, number);
    },
  };
}

function tokenPager(p: RestProperties): Pager {
  const read = referenceReader({
    property: 'NextTokenFieldPath',
    path: p.NextTokenFieldPath,
    inHeader: p.IsNextTokenFieldPathHeader,
  });
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
  const read = referenceReader({
    property: 'NextUrlFieldPath',
    path: p.NextUrlFieldPath,
    inHeader: p.IsNextUrlFieldPathHeader,
  });
  return {
    first: request,
    next(page) {
      const value = read(page);
      const next = isLink && typeof value === 'string' ? nextLink(value) : value;
      return isEnd(next) ? undefined : request(sameOrigin(textOf(next), page.url, 'the next page'));
    },
  };
}

/** Without pagination the first page is all there is, unless it says that it is not. */
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
