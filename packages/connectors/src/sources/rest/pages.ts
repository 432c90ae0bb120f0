import { createHash } from 'node:crypto';
import {
  type Answer,
  type Exchange,
  type ExchangeRequest,
  exchangeJson,
  translateJsonError,
} from '../../families/http/exchange.js';
import { lookup, rowsAt, wholeAnswer } from '../../families/http/json-paths.js';
import { withParameter } from '../../families/http/query.js';
import { findRowsPath, listBeside, reportsErrors } from '../../families/http/rows-path.js';
import { ConnectorError } from '../../interface/errors.js';
import type { ParsingCaps } from '../../kit/json/caps.js';
import { createColumnFinder, type FoundColumns } from '../../kit/json/columns.js';
import { recordOf } from '../../kit/json/document.js';
import type { JsonRecord } from '../../kit/json/exact.js';
import { type Place, quoted, recordFailure } from '../../kit/json/failures.js';
import { isArraySpan, type JsonSpan, valuesOf } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import { requestUrl } from './credentials.js';
import { type AnsweredPage, createPager, type PageRequest, type Pager } from './pagination.js';
import type { RestProperties } from './properties.js';

const pagesMax = 10_000;

/** A session's request, built once: a REST connection always sends the same request. */
export interface Resource {
  properties: RestProperties;
  exchange: Exchange;
  request: Omit<ExchangeRequest, 'caps'>;
  caps: ParsingCaps;
  /** Sent in the query of every request. */
  keyParameter: [string, string] | undefined;
}

/** A page and the path of its rows. */
export interface Page {
  /** From 1. */
  number: number;
  answer: Answer;
  /** Undefined without a list. */
  path: string | undefined;
}

/** The progress of one read through its pages. */
interface Walk {
  resource: Resource;
  pager: Pager;
  /** Digests of the requests so far: a repeated one means a loop. */
  asked: Set<string>;
}

export interface Opening {
  walk: Walk;
  /** The first page with rows, or the last one. */
  page: Page;
  found: FoundColumns;
  isSampled: boolean;
}

function signed({ keyParameter: parameter }: Resource, url: URL): URL {
  return parameter ? withParameter(url, ...parameter) : url;
}

const digestOf = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

function ask(resource: Resource, { url, headers: ofPage }: PageRequest): Promise<Answer> {
  const { request, caps } = resource;
  const { headers } = resource.exchange;
  const exchange = {
    ...resource.exchange,
    headers: async (renew: boolean) => ({ ...ofPage, ...(await headers(renew)) }),
  };
  return exchangeJson(exchange, signed(resource, url), { ...request, caps });
}

/** Inspects a response whose values have not been parsed; only its nesting, commas and colons are known to be valid. */
function lookInto<Found>({ headers }: Answer, look: () => Found): Found {
  try {
    return look();
  } catch (error) {
    throw translateJsonError(error, headers);
  }
}

/** Spans of the rows: their values exist one at a time, however large the response. */
export const spansOf = ({ answer, path }: Page): Iterable<JsonSpan> =>
  answer.isSequence ? linesOf(answer) : lookInto(answer, () => rowsAt(answer.json, path));

const linesOf = ({ json }: Answer): Iterable<JsonSpan> =>
  json === undefined ? [] : { [Symbol.iterator]: () => valuesOf(json.bytes) };

const hasRows = (page: Page): boolean => {
  for (const _row of spansOf(page)) return true;
  return false;
};

export function recordAt(span: JsonSpan, place: Place, caps: ParsingCaps): JsonRecord {
  try {
    return recordOf(span, caps);
  } catch (error) {
    throw recordFailure(error, place);
  }
}

export const placeOf = ({ number }: Page, row: number): Place => ({
  unit: 'Row',
  number: row,
  of: `page ${number} of the response`,
});

const dataPathOf = ({ dataPath, PaginationType, OffsetDataPath }: RestProperties): string | undefined =>
  dataPath ?? (PaginationType === 'Offset' ? OffsetDataPath : undefined);

const remedyForErrors =
  'Call the service directly, for instance with curl, to see them. To read the rows anyway, set the property dataPath of the connection to their path, for instance "data.items".';

/**
 * The path of the rows of a page.
 * @throws ConnectorError `protocol_error` for a response that reports errors, `invalid_config` where the rows seem to
 * be elsewhere than configured
 */
function rowsPathOf({ properties }: Resource, { json, isSequence }: Answer): string | undefined {
  if (isSequence) return wholeAnswer;
  const given = dataPathOf(properties);
  const path = given ?? findRowsPath(json);
  const isThere = path !== undefined && lookup(json, path) !== undefined && hasRowsAt(json, path);
  if (reportsErrors(json) && (given === undefined ? path !== undefined : !isThere)) {
    throw new ConnectorError('protocol_error', 'The response of the source reports errors.', {
      remedy: remedyForErrors,
    });
  }
  if (given === undefined || isThere) {
    return path ?? (properties.PaginationType === 'None' ? wholeAnswer : undefined);
  }
  const beside =
    json === undefined || lookup(json, given) !== undefined ? undefined : listBeside(json, given);
  if (beside === undefined) return given;
  throw new ConnectorError(
    'invalid_config',
    `The response has nothing at the data path ${quoted(given)}, but a list at ${quoted(beside)}.`,
    { remedy: 'Check dataPath, or leave it out to use the list in the response.' },
  );
}

function hasRowsAt(json: JsonSpan | undefined, path: string): boolean {
  for (const _row of rowsAt(json, path)) return true;
  return false;
}

async function firstPage(resource: Resource): Promise<{ walk: Walk; page: Page }> {
  const pager = createPager(resource.properties);
  const request = pager.first(requestUrl(resource.properties));
  const answer = await ask(resource, request);
  const path = lookInto(answer, () => rowsPathOf(resource, answer));
  const walk = { resource, pager, asked: new Set([keyOf(resource, request)]) };
  return { walk, page: { number: 1, answer, path } };
}

/** Also proves that the reference to the next page is where the connection says. */
export async function proveFirstPage(resource: Resource): Promise<void> {
  const { walk, page } = await firstPage(resource);
  let rowCount = 0;
  for (const _row of spansOf(page)) rowCount += 1;
  lookInto(page.answer, () => walk.pager.next(answered(page, rowCount)));
}

/** A page as pagers see it. */
function answered({ answer, path }: Page, rowCount: number): AnsweredPage {
  const rows = path === undefined ? undefined : lookup(answer.json, path);
  const hasList = answer.isSequence || (rows !== undefined && isArraySpan(rows));
  // A value on a line belongs to a row.
  return { ...answer, json: answer.isSequence ? undefined : answer.json, hasList, rowCount };
}

/**
 * Finds the first page with rows, and its columns.
 * @param rowsWanted without pagination, a reader who wants more rows than the page has learns of other pages before the
 * first row
 */
export async function openPages(resource: Resource, rowsWanted: number): Promise<Opening> {
  const { walk, page: first } = await firstPage(resource);
  let page = first;
  while (!hasRows(page)) {
    const next = await nextPage(walk, page, 0);
    if (!next) break;
    page = next;
  }
  if (page.path === undefined && page.answer.json !== undefined) {
    throw new ConnectorError('invalid_config', 'No page of the response has a list.', {
      remedy: 'Set dataPath to the path of the rows, or to $ to read the whole response as one row.',
    });
  }
  const finder = createColumnFinder();
  const turns = createTurns();
  let row = 0;
  for (const span of spansOf(page)) {
    row += 1;
    finder.add(recordAt(span, placeOf(page, row), resource.caps));
    await turns();
  }
  const hasPages = resource.properties.PaginationType !== 'None';
  if (!hasPages && row < rowsWanted) lookInto(page.answer, () => walk.pager.next(answered(page, row)));
  const isSampled = hasPages && row > 0;
  return { walk, page, found: finder.found(isSampled), isSampled };
}

const keyOf = (resource: Resource, { url, headers }: PageRequest): string =>
  digestOf(`${signed(resource, url).href} ${JSON.stringify(headers)}`);

/** A missing page ends counted pages if the connection says so, or if its existence was in doubt. */
function isEndOfPages(error: unknown, { properties }: Resource, { isDoubted }: PageRequest): boolean {
  if (!(error instanceof ConnectorError)) return false;
  if (isDoubted === true) return error.kind === 'not_found' || error.kind === 'invalid_config';
  const isCounted = properties.PaginationType === 'Offset' || properties.PaginationType === 'NextPage';
  return isCounted && error.nativeCode === '404' && properties.PaginationEndsAt404 === true;
}

async function askFurther(
  resource: Resource,
  request: PageRequest,
  number: number,
): Promise<Answer | undefined> {
  try {
    return await ask(resource, request);
  } catch (error) {
    if (isEndOfPages(error, resource, request)) return undefined;
    if (!(error instanceof ConnectorError) || error.nativeCode !== '404') throw error;
    throw new ConnectorError(
      'not_found',
      `The source answered the request for page ${number} with status 404.`,
      {
        nativeCode: '404',
        remedy:
          'If the service does this after its last page, set the property PaginationEndsAt404 of the connection to true.',
      },
    );
  }
}

/** The page after the previous one; undefined at the end. */
export async function nextPage(walk: Walk, previous: Page, rowCount: number): Promise<Page | undefined> {
  const { resource, pager, asked } = walk;
  const request = lookInto(previous.answer, () => pager.next(answered(previous, rowCount)));
  if (!request) return undefined;
  if (previous.number === pagesMax) {
    throw new ConnectorError('too_large', `The source has more than ${pagesMax} pages.`);
  }
  const key = keyOf(resource, request);
  if (asked.has(key)) throw sameAgain('The source points to a page that was already read.', resource);
  asked.add(key);
  const answer = await askFurther(resource, request, previous.number + 1);
  if (!answer) return undefined;
  const page = {
    number: previous.number + 1,
    answer,
    path: lookInto(answer, () => previous.path ?? rowsPathOf(resource, answer)),
  };
  if (!hasRows(page) && lookInto(answer, () => reportsErrors(answer.json))) {
    throw new ConnectorError('protocol_error', 'The response of the source reports errors.', {
      remedy: remedyForErrors,
    });
  }
  if (!hasRows(page) || !isSame(previous.answer, answer)) return page;
  if (request.isDoubted === true) return undefined;
  throw sameAgain('The source sent the same page twice.', resource);
}

const isSame = (one: Answer, other: Answer): boolean =>
  one.json !== undefined && other.json !== undefined && one.json.bytes.equals(other.json.bytes);

/** The properties that determine the next request. */
const pageProperties = {
  None: '',
  NextUrl: 'NextUrlFieldPath',
  NextPage: 'NextPageParamName and NextPageFieldPath',
  NextToken: 'NextTokenParamName and NextTokenFieldPath',
  Offset: 'OffsetStartParamName and OffsetCountParamName',
};

const sameAgain = (message: string, { properties }: Resource): ConnectorError => {
  const { PaginationType: type } = properties;
  return new ConnectorError('protocol_error', message, {
    remedy: `Compare PaginationType (${type}) of the connection, and its ${pageProperties[type]}, with the documentation of the service, whose parameters may have other names.`,
  });
};
