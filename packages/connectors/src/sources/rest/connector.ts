import {
  type Answer,
  type Exchange,
  type ExchangeRequest,
  exchangeJson,
} from '../../families/http/exchange.js';
import { throwIfAborted } from '../../kit/deadline.js';
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
import { requestHeaders, requestUrl, tlsOptions } from './credentials.js';
import { findRowsPath, inferColumns, lookup, rowsAt, toRow } from './data-types.js';
import { fromResponse } from './errors.js';
import { createPager, type Pager } from './pagination.js';
import { propertiesSchema, type RestProperties } from './properties.js';

const pagesMax = 10_000;

/** A session's request, built once: a REST connection always asks the same question. */
interface Resource {
  properties: RestProperties;
  exchange: Exchange;
  request: ExchangeRequest;
}

interface Opening {
  pager: Pager;
  answer: Answer;
  /** JSON pointer of the rows, the same for all pages. */
  path: string;
  rows: readonly JsonValue[];
  columns: Column[];
}

function ask(resource: Resource, url: URL): Promise<Answer> {
  return exchangeJson(resource.exchange, url, resource.request);
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
  if (properties.dataPath !== undefined && answer.document !== null) {
    if (lookup(answer.document, properties.dataPath) === undefined) {
      throw new ConnectorError('invalid_config', 'The answer has nothing at the data path.', {
        remedy: 'Check dataPath, or leave it out to take the first list of the answer.',
      });
    }
  }
  const path = properties.dataPath ?? findRowsPath(answer.document);
  const rows = rowsAt(answer.document, path);
  const columns = inferColumns(rows, { morePages: properties.PaginationType !== 'None' });
  return { pager, answer, path, rows, columns };
}

function selectColumns(all: readonly Column[], wanted: readonly string[] | undefined): readonly Column[] {
  if (!wanted) return all;
  return wanted.map((name) => {
    const column = all.find((candidate) => candidate.name === name);
    if (!column) throw new ConnectorError('invalid_query', 'The resource has no such column.');
    return column;
  });
}

async function* readBatches(
  resource: Resource,
  opening: Opening,
  columns: readonly Column[],
  request: ReadRequest,
): AsyncGenerator<readonly Row[]> {
  let { answer, rows } = opening;
  let left = request.limit ?? Number.POSITIVE_INFINITY;
  for (let page = 1; ; page += 1) {
    for (let start = 0; start < rows.length && left > 0; start += request.batchRows) {
      throwIfAborted(resource.exchange.signal);
      const batch = rows.slice(start, Math.min(start + request.batchRows, start + left));
      left -= batch.length;
      yield batch.map((row) => toRow(row, columns));
    }
    const next = left > 0 ? opening.pager.next({ ...answer, rowCount: rows.length }) : undefined;
    if (!next) return;
    if (page === pagesMax)
      throw new ConnectorError('too_large', `The source has more than ${pagesMax} pages.`);
    const previous = answer;
    answer = await ask(resource, next);
    rows = rowsAt(answer.document, opening.path);
    if (next.href === previous.url.href || (rows.length > 0 && answer.text === previous.text)) {
      throw new ConnectorError('protocol_error', 'The source sent the same page twice.', {
        remedy: 'Check the pagination type and the names of its parameters.',
      });
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
  };
  return {
    ping: async () => {
      await openFirstPage(resource);
    },
    browse: (request) => browse(resource, request),
    read: (request) => read(resource, request),
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
