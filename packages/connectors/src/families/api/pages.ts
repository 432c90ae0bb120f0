import { createHash } from 'node:crypto';
import { ConnectorError } from '../../interface/errors.js';
import type { ParsingCaps } from '../../kit/json/caps.js';
import { createColumnFinder, type FoundColumns } from '../../kit/json/columns.js';
import { assertRecord, recordOf, recordTooLarge } from '../../kit/json/document.js';
import type { JsonRecord } from '../../kit/json/exact.js';
import { type Place, quoted, recordFailure } from '../../kit/json/failures.js';
import { isArraySpan, type JsonSpan, valuesOf } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import { type Answer, translateJsonError } from '../http/exchange.js';
import { HttpFailure, meaningOfStatus } from '../http/failures.js';
import { lookup, rowsAt, wholeAnswer } from '../http/json-paths.js';
import { findRowsPath, listBeside, reportsErrors } from '../http/rows-path.js';
import { ask, type Listing, signedUrl } from './ask.js';
import { emptyList } from './errors.js';
import { type AnsweredPage, createPager, type PageRequest, type Pager } from './pagers.js';

const pagesMax = 10_000;

/** A page and the path of its rows. */
export interface Page {
  /** From 1. */
  number: number;
  answer: Answer;
  /** Undefined without a list. */
  path: string | undefined;
}

/** The progress of one read through its pages. */
export interface Walk {
  listing: Listing;
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

const digestOf = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

/** Inspects a response whose values have not been parsed; only its nesting, commas and colons are known to be valid. */
export function lookInto<Found>({ headers }: Answer, look: () => Found): Found {
  try {
    return look();
  } catch (error) {
    throw translateJsonError(error, headers);
  }
}

/** An API with declared resources answers with lists, or with nothing. */
function assertList({ isDeclared }: Listing, { answer, path }: Page): void {
  if (!isDeclared || answer.json === undefined) return;
  const rows = lookInto(answer, () => lookup(answer.json, path ?? wholeAnswer));
  if (rows !== undefined && isArraySpan(rows)) return;
  throw new ConnectorError('protocol_error', 'The source answered with something else than a list.', {
    remedy: 'Check that the URL of the connection is the address of the API.',
  });
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

/** @throws ConnectorError `too_large` for a row beyond its caps */
export function assertRow({ bytes, start, end }: JsonSpan, place: Place, caps: ParsingCaps): void {
  try {
    if (end - start > caps.recordBytes) throw recordTooLarge(caps.recordBytes);
    assertRecord(bytes.subarray(start, end), caps.record);
  } catch (error) {
    throw recordFailure(error, place);
  }
}

export const placeOf = ({ number }: Page, row: number): Place => ({
  unit: 'Row',
  number: row,
  of: `page ${number} of the response`,
});

const remedyForErrors =
  'Call the service directly, for instance with curl, to see them. To read the rows anyway, set the property dataPath of the connection to their path, for instance "data.items".';

/**
 * The path of the rows of a page.
 * @throws ConnectorError `protocol_error` for a response that reports errors, `invalid_config` where the rows seem to
 * be elsewhere than configured
 */
function rowsPathOf(
  { rowsAt: given, paging, isDeclared }: Listing,
  { json, isSequence }: Answer,
): string | undefined {
  if (isSequence) return wholeAnswer;
  if (isDeclared) return given;
  const path = given ?? findRowsPath(json);
  const isThere = path !== undefined && lookup(json, path) !== undefined && hasRowsAt(json, path);
  if (reportsErrors(json) && (given === undefined ? path !== undefined : !isThere)) {
    throw reportedErrors();
  }
  if (given === undefined || isThere) {
    return path ?? (paging.by === 'none' ? wholeAnswer : undefined);
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

const reportedErrors = () =>
  new ConnectorError('protocol_error', 'The response of the source reports errors.', {
    remedy: remedyForErrors,
  });

function hasRowsAt(json: JsonSpan | undefined, path: string): boolean {
  for (const _row of rowsAt(json, path)) return true;
  return false;
}

/** Some services answer with a failure where there is nothing to list. */
async function firstAnswer(listing: Listing, request: PageRequest): Promise<Answer> {
  try {
    return await ask(listing, request);
  } catch (error) {
    if (!(error instanceof HttpFailure) || error.code !== emptyList) throw error;
    const { status } = error;
    return { url: request.url, status, headers: new Headers(), json: undefined, isSequence: false };
  }
}

/** @throws ConnectorError `protocol_error` for a response that is not a page of the list */
export async function firstPage(listing: Listing): Promise<{ walk: Walk; page: Page }> {
  const pager = createPager(listing.paging);
  const request = pager.first(listing.url);
  const answer = await firstAnswer(listing, request);
  const path = lookInto(answer, () => rowsPathOf(listing, answer));
  const page = { number: 1, answer, path };
  assertList(listing, page);
  return { walk: { listing, pager, asked: new Set([keyOf(listing, request)]) }, page };
}

/** Also proves that the reference to the next page is where the connection says. */
export async function proveFirstPage(listing: Listing): Promise<void> {
  const { walk, page } = await firstPage(listing);
  let rowCount = 0;
  for (const _row of spansOf(page)) rowCount += 1;
  hasNext(walk, page, rowCount);
}

/** Whether the source refers to a further page. Ends the walk. */
export const hasNext = ({ pager }: Walk, page: Page, rowCount: number): boolean =>
  lookInto(page.answer, () => pager.next(answered(page, rowCount))) !== undefined;

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
export async function openPages(listing: Listing, rowsWanted: number): Promise<Opening> {
  const { walk, page: first } = await firstPage(listing);
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
    finder.add(recordAt(span, placeOf(page, row), listing.caps));
    await turns();
  }
  const hasPages = listing.paging.by !== 'none';
  if (!hasPages && row < rowsWanted) lookInto(page.answer, () => walk.pager.next(answered(page, row)));
  const isSampled = hasPages && row > 0;
  return { walk, page, found: finder.found(isSampled), isSampled };
}

const keyOf = (listing: Listing, { url, headers }: PageRequest): string =>
  digestOf(`${signedUrl(listing, url).href} ${JSON.stringify(headers)}`);

/** A missing page ends counted pages if the connection says so, or if its existence was in doubt. */
function isEndOfPages({ status }: HttpFailure, { paging }: Listing, { isDoubted }: PageRequest): boolean {
  const { kind } = meaningOfStatus(status);
  if (isDoubted === true) return kind === 'not_found' || kind === 'invalid_config';
  return 'endsAt404' in paging && paging.endsAt404 && status === 404;
}

async function askFurther(
  listing: Listing,
  request: PageRequest,
  number: number,
): Promise<Answer | undefined> {
  try {
    return await ask(listing, request);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    if (isEndOfPages(error, listing, request) || error.code === emptyList) return undefined;
    if (error.status !== 404) throw error;
    const { missingPage: remedy } = listing.remedies;
    throw new ConnectorError(
      'not_found',
      `The source answered the request for page ${number} with status 404.`,
      { nativeCode: '404', ...(remedy === undefined ? {} : { remedy }) },
    );
  }
}

/** The page after the previous one; undefined at the end. */
export async function nextPage(walk: Walk, previous: Page, rowCount: number): Promise<Page | undefined> {
  const { listing, pager, asked } = walk;
  const request = lookInto(previous.answer, () => pager.next(answered(previous, rowCount)));
  if (!request) return undefined;
  if (previous.number === pagesMax) {
    throw new ConnectorError('too_large', `The source has more than ${pagesMax} pages.`);
  }
  const key = keyOf(listing, request);
  if (asked.has(key)) throw sameAgain('The source points to a page that was already read.', listing);
  asked.add(key);
  const answer = await askFurther(listing, request, previous.number + 1);
  if (!answer) return undefined;
  const page = {
    number: previous.number + 1,
    answer,
    path: lookInto(answer, () => previous.path ?? rowsPathOf(listing, answer)),
  };
  assertList(listing, page);
  if (!hasRows(page) && lookInto(answer, () => reportsErrors(answer.json))) throw reportedErrors();
  if (!hasRows(page) || !isSame(previous.answer, answer)) return page;
  if (request.isDoubted === true) return undefined;
  throw sameAgain('The source sent the same page twice.', listing);
}

const isSame = (one: Answer, other: Answer): boolean =>
  one.json !== undefined && other.json !== undefined && one.json.bytes.equals(other.json.bytes);

const sameAgain = (message: string, { remedies: { samePage: remedy } }: Listing): ConnectorError =>
  new ConnectorError('protocol_error', message, remedy === undefined ? {} : { remedy });
