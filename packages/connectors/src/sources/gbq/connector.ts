import type {
  BrowseAnswer,
  BrowseItem,
  BrowseRequest,
  Connector,
  ReadRequest,
} from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { browseColumns } from '../../kit/columns.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { type Api, type JsonObject, objectIn, objectsIn, openApi, textIn } from './api.js';
import { targets } from './credentials.js';
import { toColumn } from './data-types.js';
import { fieldsOf, readQuery, readTable, tableUri } from './rows.js';

const views = new Set(['VIEW', 'MATERIALIZED_VIEW']);

/** Objects of a list. More than requested would be an attempt to exhaust memory. */
function listIn(answer: JsonObject, name: string, limit: number): JsonObject[] {
  const objects = objectsIn(answer, name);
  if (objects.length <= limit) return objects;
  throw new ConnectorError('protocol_error', 'BigQuery returned more entries than requested.');
}

function listed(answer: JsonObject, items: BrowseItem[]): BrowseAnswer {
  const next = textIn(answer, 'nextPageToken');
  return next === undefined ? { items } : { items, next };
}

async function browseDatasets(api: Api, { limit, page }: BrowseRequest): Promise<BrowseAnswer> {
  const answer = await api.call({ uri: '/datasets', qs: { maxResults: limit, pageToken: page } });
  const items = listIn(answer, 'datasets', limit).map((dataset): BrowseItem => {
    const name = textIn(objectIn(dataset, 'datasetReference'), 'datasetId') ?? '';
    return { name, kind: 'dataset', path: [name], readable: false, container: true };
  });
  return listed(answer, items);
}

async function browseTables(
  api: Api,
  dataset: string,
  { limit, page }: BrowseRequest,
): Promise<BrowseAnswer> {
  const uri = tableUri(dataset, 'x').replace(/\/x$/, '');
  const answer = await api.call({ uri, qs: { maxResults: limit, pageToken: page } });
  const items = listIn(answer, 'tables', limit).map((table): BrowseItem => {
    const name = textIn(objectIn(table, 'tableReference'), 'tableId') ?? '';
    const kind = views.has(String(table['type'])) ? 'view' : 'table';
    return { name, kind, path: [dataset, name], readable: true, container: true };
  });
  return listed(answer, items);
}

async function browse(api: Api, request: BrowseRequest): Promise<BrowseAnswer> {
  const [dataset, table, ...more] = request.path;
  if (dataset === undefined) return browseDatasets(api, request);
  if (table === undefined) return browseTables(api, dataset, request);
  if (more.length > 0) throw new ConnectorError('not_found', 'A column has no children.');
  const fields = fieldsOf(await api.call({ uri: tableUri(dataset, table) }));
  return browseColumns(fields.map(toColumn), [dataset, table], request);
}

function read(api: Api, request: ReadRequest, taken: Set<Promise<void>>) {
  if (request.query !== undefined) return readQuery(api, { ...request, query: request.query }, taken);
  const [dataset, table, ...more] = request.path ?? [];
  if (dataset === undefined || table === undefined || more.length > 0) {
    throw new ConnectorError('not_found', 'Only a table or a view can be read.', {
      remedy: 'Use a path of dataset and table.',
    });
  }
  return readTable(api, { ...request, path: [dataset, table] }, taken);
}

/** BigQuery through Google's client; each page of rows is one request. */
export const connector: Connector = {
  targets,

  async open(input, context) {
    const closing = new AbortController();
    const signal = AbortSignal.any([context.signal, closing.signal]);
    throwIfAborted(signal);
    const api = await openApi(input, context, signal);
    const taken = new Set<Promise<void>>();
    return {
      ping: async () => {
        await api.call({ uri: '/datasets', qs: { maxResults: 1 } });
      },
      browse: async (request) => browse(api, request),
      read: async (request) => read(api, request, taken),
      close: async () => {
        closing.abort();
        await Promise.all(taken);
      },
    };
  },
};
