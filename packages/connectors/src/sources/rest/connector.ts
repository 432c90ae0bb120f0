import { createHash } from 'node:crypto';
import {
  type Answer,
  type Exchange,
  type ExchangeRequest,
  exchangeJson,
  translateJsonError,
} from '../../families/http/exchange.js';
import { batchRowsMax } from '../../kit/columns.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { type ParsingCaps, parsingCaps } from '../../kit/json/caps.js';
import { recordOf } from '../../kit/json/document.js';
import { isNullSpan, type JsonSpan } from '../../kit/json/spans.js';
import { createTurns } from '../../kit/turns.js';
import type {
  BrowseAnswer,
  BrowseRequest,
  Connector,
  ConnectorInput,
  ReadRequest,
  RowStream,
  Session,
  SessionContext,
  Target,
} from '../../spec/connector.js';
import type { Column, JsonValue, Row } from '../../spec/data-types.js';
import { ConnectorError } from '../../spec/errors.js';
import { keyParameter, requestHeaders, requestUrl, tlsOptions } from './credentials.js';
import { findRowsPath, inferColumns, lookup, rowsAt, toRow } from './data-types.js';
import { fromResponse } from './errors.js';
import { type AnsweredPage, createPager, type Pager } from './pagination.js';
import { propertiesSchema, type RestProperties } from './properties.js';

const pagesMax = 10_000;
/** JSON of the rows of one batch, beyond its first row. */
const batchBytesMax = 1024 * 1024;

/** A session's request, built once: a REST connection always asks the same question. */
interface Resource {
  properties: RestProperties;
  exchange: Exchange;
  request: Omit<ExchangeRequest, 'caps'>;
  caps: ParsingCaps;
  /** Sent in the query of every request. */
  keyParameter: [string, string] | undefined;
}

interface Opening {
  pager: Pager;
  answer: Answer;
  /** JSON pointer of the rows, the same for all pages. */
  path: string;
  columns: Column[];
}

function signed({ keyParameter: parameter }: Resource, url: URL): URL {
  const target = new URL(url);
  if (parameter) target.searchParams.set(...parameter);
  return target;
}

function ask(resource: Resource, url: URL): Promise<Answer> {
  const { exchange, request, caps } = resource;
  return exchangeJson(exchange, signed(resource, url), { ...request, caps });
}

/** Looks into an answer, of which only nesting, commas and colons are known to be right. */
function lookInto<Found>({ headers }: Answer, look: () => Found): Found {
  try {
    return look();
  } catch (error) {
    throw translateJsonError(error, headers);
  }
}

/** Rows where they stand: of their values there is one at a time, however many an answer holds. */
const spansOf = (answer: Answer, path: string): Iterable<JsonSpan> =>
  lookInto(answer, () => rowsAt(answer.json, path));

const rowAt = (span: JsonSpan, answer: Answer, caps: ParsingCaps): JsonValue =>
  lookInto(answer, () => recordOf(span, caps));

function* firstRows(answer: Answer, path: string, caps: ParsingCaps): Generator<JsonValue> {
  for (const span of spansOf(answer, path)) yield rowAt(span, answer, caps);
}

/** Where the connection's own path ends names its one resource. */
function resourceName(properties: RestProperties): string {
  const url = new URL(properties.url);
  return url.pathname.split('/').findLast((segment) => segment !== '') ?? url.hostname;
}

async function openFirstPage(resource: Resource): Promise<Opening> {
  const { properties } = resource;
  const pager = createPager(properties);
  const answer = await ask(resource, pager.first(requestUrl(properties)));
  const path = lookInto(answer, () => properties.dataPath ?? findRowsPath(answer.json));
  if (answer.json !== undefined && !isNullSpan(answer.json)) {
    if (lookInto(answer, () => lookup(answer.json, path)) === undefined) {
      throw new ConnectorError('invalid_config', 'The answer has nothing at the data path.', {
        remedy: 'Check dataPath, or leave it out to take the first list of the answer.',
      });
    }
  }
  const columns = await inferColumns(firstRows(answer, path, resource.caps), {
    morePages: properties.PaginationType !== 'None',
  });
  return { pager, answer, path, columns };
}

function selectColumns(all: readonly Column[], wanted: readonly string[] | undefined): readonly Column[] {
  if (!wanted) return all;
  const byName = new Map(all.map((column) => [column.name, column]));
  return wanted.map((name) => {
    const column = byName.get(name);
    if (!column) throw new ConnectorError('invalid_query', 'The resource has no such column.');
    return column;
  });
}

const digestOf = ({ json }: Answer): string | undefined =>
  json && createHash('sha256').update(json.bytes).digest('base64');

/** The page after one that was read, undefined at the end. */
async function nextPage(
  resource: Resource,
  opening: Opening,
  previous: AnsweredPage,
): Promise<Answer | undefined> {
  const next = lookInto(previous, () => opening.pager.next(previous));
  if (!next) return undefined;
  const before = digestOf(previous);
  const answer = await ask(resource, next);
  const [first] = spansOf(answer, opening.path);
  if (
    signed(resource, next).href === previous.url.href ||
    (first !== undefined && digestOf(answer) === before)
  ) {
    throw new ConnectorError('protocol_error', 'The source sent the same page twice.', {
      remedy: 'Check the pagination type and the names of its parameters.',
    });
  }
  return answer;
}

async function* readBatches(
  resource: Resource,
  opening: Opening,
  columns: readonly Column[],
  request: ReadRequest,
): AsyncGenerator<readonly Row[]> {
  const rowsMax = Math.min(request.batchRows, batchRowsMax(columns));
  const turns = createTurns();
  let left = request.limit ?? Number.POSITIVE_INFINITY;
  let answer: Answer | undefined = opening.answer;
  for (let page = 1; left > 0; page += 1) {
    let rowCount = 0;
    let batch: Row[] = [];
    let bytes = 0;
    for (const span of spansOf(answer, opening.path)) {
      throwIfAborted(resource.exchange.signal);
      rowCount += 1;
      bytes += span.end - span.start;
      batch.push(toRow(rowAt(span, answer, resource.caps), columns));
      if (batch.length < Math.min(rowsMax, left) && bytes < batchBytesMax) continue;
      left -= batch.length;
      yield batch;
      if (left === 0) return;
      batch = [];
      bytes = 0;
      await turns();
    }
    left -= batch.length;
    if (batch.length > 0) yield batch;
    answer = await nextPage(resource, opening, { ...answer, rowCount });
    if (!answer) return;
    if (page === pagesMax) {
      throw new ConnectorError('too_large', `The source has more than ${pagesMax} pages.`);
    }
  }
}

async function browse(resource: Resource, request: BrowseRequest): Promise<BrowseAnswer> {
  const name = resourceName(resource.properties);
  if (request.path.length === 0) {
    return { items: [{ name, kind: 'resource', path: [name], readable: true, container: true }] };
  }
  assertResource(resource.properties, request.path);
  const { columns } = await openFirstPage(resource);
  const start = Number(request.page ?? 0);
  if (!Number.isSafeInteger(start) || start < 0) throw new ConnectorError('invalid_query', 'Unknown page.');
  const end = start + request.limit;
  const items = columns.slice(start, end).map((column) => ({
    name: column.name,
    kind: 'column' as const,
    path: [name, column.name],
    readable: false,
    container: false,
    type: column.type,
    nullable: column.nullable,
  }));
  return end < columns.length ? { items, next: String(end) } : { items };
}

/** A path never becomes part of a URL: it only names the connection's one resource. */
function assertResource(properties: RestProperties, path: readonly string[]): void {
  if (path.length === 0 || (path.length === 1 && path[0] === resourceName(properties))) return;
  throw new ConnectorError('not_found', 'The connection has one resource only.', {
    remedy: 'Read the empty path or the one that browsing returns.',
  });
}

async function read(resource: Resource, request: ReadRequest): Promise<RowStream> {
  if (request.query !== undefined) {
    throw new ConnectorError('unsupported', 'A REST connection takes no query.', {
      remedy: 'Put query parameters or a body into the connection.',
    });
  }
  assertResource(resource.properties, request.path ?? []);
  const opening = await openFirstPage(resource);
  const columns = selectColumns(opening.columns, request.columns);
  return { columns, batches: readBatches(resource, opening, columns, request) };
}

function openSession(input: ConnectorInput, context: SessionContext): Session {
  const closing = new AbortController();
  const properties = propertiesSchema.parse(input.properties);
  const { accessToken } = input.login;
  const usesToken = properties.authSchema.startsWith('oauth2');
  const isPost = properties.method === 'POST';
  const resource: Resource = {
    properties,
    keyParameter: keyParameter(properties, input),
    exchange: {
      network: context.network,
      signal: AbortSignal.any([context.signal, closing.signal]),
      timeoutSeconds: properties.timeout,
      renewable: usesToken,
      headers: async (renew) =>
        requestHeaders(properties, input, usesToken ? await accessToken?.({ renew }) : undefined),
      failure: fromResponse,
    },
    request: {
      method: properties.method,
      ...(isPost ? { body: properties.body ?? '{}' } : {}),
      ...tlsOptions(properties, input),
    },
    caps: parsingCaps({ isPreview: true }),
  };
  return {
    ping: async () => {
      await openFirstPage(resource);
    },
    browse: (request) => browse(resource, request),
    read: (request) => read({ ...resource, caps: parsingCaps(request) }, request),
    close: async () => closing.abort(),
  };
}

function targetOf(properties: Readonly<Record<string, unknown>>): Target {
  const url = new URL(String(properties['url']));
  const isSecure = url.protocol === 'https:';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (isSecure ? 443 : 80)),
    tls: isSecure ? 'implicit' : 'none',
  };
}

/** JSON over HTTP; stateless, so opening a session sends nothing and each page is one request. */
export const connector: Connector = {
  targets: (properties) => [targetOf(properties)],
  open: async (input, context) => openSession(input, context),
};
