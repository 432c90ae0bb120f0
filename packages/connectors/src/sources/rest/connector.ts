import type {
  BrowseAnswer,
  BrowseRequest,
  Connector,
  ConnectorInput,
  ReadRequest,
  RowStream,
  Session,
  SessionContext,
} from '../../interface/connector.js';
import type { Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { batchRowsMax, browseColumns } from '../../kit/columns.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { type RowShape, shapeRows } from '../../kit/json/columns.js';
import { createTurns } from '../../kit/turns.js';
import { keyParameter, requestHeaders, tlsOptions } from './credentials.js';
import { fromResponse } from './errors.js';
import {
  nextPage,
  type Opening,
  openPages,
  type Page,
  placeOf,
  proveFirstPage,
  type Resource,
  recordAt,
  spansOf,
} from './pages.js';
import { propertiesSchema, type RestProperties, targets } from './properties.js';

/** JSON of one batch in bytes, beyond its first row. */
const batchBytesMax = 1024 * 1024;

/** The last segment of the connection's own path names its only resource. */
function resourceName(properties: RestProperties): string {
  const url = new URL(properties.url);
  return url.pathname.split('/').findLast((segment) => segment !== '') ?? url.hostname;
}

async function* readBatches(
  { walk, page: begun }: Opening,
  { columns, toRow }: RowShape,
  request: ReadRequest,
): AsyncGenerator<readonly Row[]> {
  const { caps, exchange } = walk.resource;
  const rowsMax = Math.min(request.batchRows, batchRowsMax(columns));
  const turns = createTurns();
  let left = request.limit ?? Number.POSITIVE_INFINITY;
  for (let page: Page | undefined = begun; page && left > 0; ) {
    let rowCount = 0;
    let batch: Row[] = [];
    let bytes = 0;
    for (const span of spansOf(page)) {
      throwIfAborted(exchange.signal);
      rowCount += 1;
      bytes += span.end - span.start;
      const place = placeOf(page, rowCount);
      batch.push(toRow(recordAt(span, place, caps), place));
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
    page = await nextPage(walk, page, rowCount);
  }
}

async function browse(resource: Resource, request: BrowseRequest): Promise<BrowseAnswer> {
  const name = resourceName(resource.properties);
  if (request.path.length === 0) {
    return { items: [{ name, kind: 'resource', path: [name], readable: true, container: true }] };
  }
  assertResource(resource.properties, request.path);
  const { found, isSampled } = await openPages(resource, 0);
  const { columns } = shapeRows(found, { wanted: undefined, asText: undefined, isSampled });
  return browseColumns(columns, [name], request);
}

/** A path never becomes part of a URL; it only names the connection's only resource. */
function assertResource(properties: RestProperties, path: readonly string[]): void {
  if (path.length === 0 || (path.length === 1 && path[0] === resourceName(properties))) return;
  throw new ConnectorError('not_found', 'The connection has only one resource.', {
    remedy: 'Read the empty path or the one that browsing returns.',
  });
}

async function read(resource: Resource, request: ReadRequest): Promise<RowStream> {
  if (request.query !== undefined) {
    throw new ConnectorError('unsupported', 'REST connections do not support queries.', {
      remedy: 'Put query parameters or a body into the connection.',
    });
  }
  assertResource(resource.properties, request.path ?? []);
  const opening = await openPages(resource, request.limit ?? Number.POSITIVE_INFINITY);
  const { columns: wanted, asText } = request;
  const shape = shapeRows(opening.found, { wanted, asText, isSampled: opening.isSampled });
  return { columns: shape.columns, batches: readBatches(opening, shape, request) };
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
      encoding: properties.encoding,
      ...tlsOptions(properties, input, context.settings),
    },
    caps: parsingCaps({ isPreview: true }),
  };
  return {
    ping: () => proveFirstPage(resource),
    browse: (request) => browse(resource, request),
    read: (request) => read({ ...resource, caps: parsingCaps(request) }, request),
    close: async () => closing.abort(),
  };
}

/** JSON over HTTP. Stateless: opening a session sends nothing, and each page is one request. */
export const connector: Connector = {
  targets,
  open: async (input, context) => openSession(input, context),
};
