import { sameOrigin } from '../../families/http/exchange.js';
import { isArraySpan, isObjectSpan, type JsonSpan, parseSpan } from '../../kit/json/spans.js';
import type { JsonValue } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { lookup } from './data-types.js';
import type { RestProperties } from './properties.js';

const scalarBytesMax = 16 * 1024;

/** What a pager looks at to decide where the next page is. */
export interface AnsweredPage {
  /** Where the page came from, after redirects. */
  url: URL;
  headers: Headers;
  json: JsonSpan | undefined;
  rowCount: number;
}

/** The way through the pages of one read; holds its position, so each read has its own. */
export interface Pager {
  /** The URL of the first page. */
  first(url: URL): URL;
  /**
   * The URL of the page after this one, undefined at the end.
   * @throws ConnectorError `protocol_error` when the source points outside the connection's origin.
   */
  next(page: AnsweredPage): URL | undefined;
}

function withParameters(url: URL, parameters: Record<string, string | number | undefined>): URL {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) changed.searchParams.set(name, String(value));
  }
  return changed;
}

/** References and totals are short: what is long, a list or an object is none, and stands here as an empty list. */
function scalarAt(page: AnsweredPage, path: string): JsonValue | undefined {
  const span = lookup(page.json, path);
  if (span === undefined) return undefined;
  const isScalar = !isArraySpan(span) && !isObjectSpan(span) && span.end - span.start <= scalarBytesMax;
  return isScalar ? parseSpan(span) : [];
}

function valueAt(page: AnsweredPage, path: string, inHeader: boolean): JsonValue | undefined {
  return inHeader ? (page.headers.get(path) ?? undefined) : scalarAt(page, path);
}

/** Absent, null, false and empty all mean the last page in services that are around. */
function isEnd(value: JsonValue | undefined): value is undefined {
  return value === undefined || value === null || value === false || value === '';
}

function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new ConnectorError('protocol_error', 'The reference to the next page is neither text nor a number.');
}

function offsetPager(p: RestProperties): Pager {
  const size = p.OffsetPageSize > 0 ? { [p.OffsetCountParamName]: p.OffsetPageSize } : {};
  const at = (url: URL, start: number) => withParameters(url, { ...size, [p.OffsetStartParamName]: start });
  let received = 0;
  return {
    first: (url) => at(url, p.OffsetStartInitialValue),
    next(page) {
      if (page.rowCount === 0) return undefined;
      // The rows that came count, not the size that was asked for: many services send fewer.
      received += page.rowCount;
      const total = p.OffsetTotalPath === undefined ? undefined : scalarAt(page, p.OffsetTotalPath);
      if (total !== undefined && total !== null && received >= Number(total)) return undefined;
      return at(page.url, p.OffsetStartInitialValue + received);
    },
  };
}

function pageNumberPager(p: RestProperties): Pager {
  const size = p.NextPageSize > 0 ? { [p.NextPageCountParamName]: p.NextPageSize } : {};
  const at = (url: URL, page: string | number) =>
    withParameters(url, { ...size, [p.NextPageParamName]: page });
  let current = p.NextPageInitialValue;
  return {
    first: (url) => at(url, current),
    next(page) {
      current += 1;
      if (p.NextPageFieldPath === undefined) return page.rowCount === 0 ? undefined : at(page.url, current);
      const next = valueAt(page, p.NextPageFieldPath, p.IsNextPageFieldPathHeader);
      if (isEnd(next)) return undefined;
      return at(page.url, next === true ? current : textOf(next));
    },
  };
}

function tokenPager(p: RestProperties): Pager {
  return {
    first: (url) => url,
    next(page) {
      const token = valueAt(page, p.NextTokenFieldPath, p.IsNextTokenFieldPathHeader);
      return isEnd(token) ? undefined : withParameters(page.url, { [p.NextTokenParamName]: textOf(token) });
    },
  };
}

/** The target of `rel="next"` in a Link header (RFC 8288). */
function nextLink(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(/<([^<>]*)>([^<]*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters ?? '');
    const relations = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return target;
  }
  return undefined;
}

function urlPager(p: RestProperties): Pager {
  const isLink = p.IsNextUrlFieldPathHeader && p.NextUrlFieldPath.toLowerCase() === 'link';
  return {
    first: (url) => url,
    next(page) {
      const value = valueAt(page, p.NextUrlFieldPath, p.IsNextUrlFieldPathHeader);
      const next = isLink && typeof value === 'string' ? nextLink(value) : value;
      return isEnd(next) ? undefined : sameOrigin(textOf(next), page.url, 'the next page');
    },
  };
}

/** The pager for the connection's `PaginationType`. */
export function createPager(properties: RestProperties): Pager {
  switch (properties.PaginationType) {
    case 'None':
      return { first: (url) => url, next: () => undefined };
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
