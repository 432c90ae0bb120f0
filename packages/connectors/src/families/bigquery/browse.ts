import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Target } from '../../interface/plan.js';
import type { BrowseRequest, Described, Item, Page } from '../../interface/session.js';
import { browseColumns } from '../../kit/columns.js';
import { countIn, type JsonObject, objectIn, objectsIn, textIn } from '../google/members.js';
import { type Field, nativeName, toColumn } from './data-types.js';
import { dryRun } from './job.js';
import { fieldsOf, type Project, tablePath, tablesPath } from './project.js';

const views = new Set(['VIEW', 'MATERIALIZED_VIEW']);

const kindOf = ({ type }: JsonObject): 'view' | 'table' => (views.has(String(type)) ? 'view' : 'table');

/** Objects of a list. More than requested would be an attempt to exhaust memory. */
function listIn(answer: JsonObject, name: string, limit: number): JsonObject[] {
  const objects = objectsIn(answer, name);
  if (objects.length <= limit) return objects;
  throw new ConnectorError('protocol_error', 'BigQuery returned more entries than requested.');
}

function listed(answer: JsonObject, items: Item[]): Page<Item> {
  const next = textIn(answer, 'nextPageToken');
  return next === undefined ? { items } : { items, next };
}

const pageOf = ({ limit, page }: BrowseRequest) => ({ maxResults: limit, pageToken: page });

async function datasets({ api }: Project, request: BrowseRequest, call: Call): Promise<Page<Item>> {
  const answer = await api({ path: '/datasets', query: pageOf(request) }, call);
  const items = listIn(answer, 'datasets', request.limit).map((dataset): Item => {
    const name = textIn(objectIn(dataset, 'datasetReference'), 'datasetId') ?? '';
    return { name, kind: 'dataset', path: [name], readable: false, container: true };
  });
  return listed(answer, items);
}

async function tables({ api }: Project, dataset: string, request: BrowseRequest, call: Call) {
  const answer = await api({ path: tablesPath(dataset), query: pageOf(request) }, call);
  const items = listIn(answer, 'tables', request.limit).map((table): Item => {
    const name = textIn(objectIn(table, 'tableReference'), 'tableId') ?? '';
    return { name, kind: kindOf(table), path: [dataset, name], readable: true, container: true };
  });
  return listed(answer, items);
}

/** @throws ConnectorError `not_found` for a path that is too deep */
export async function browse(project: Project, request: BrowseRequest, call: Call): Promise<Page<Item>> {
  const [dataset, table, ...more] = request.path;
  if (dataset === undefined) return datasets(project, request, call);
  if (table === undefined) return tables(project, dataset, request, call);
  if (more.length > 0) throw new ConnectorError('not_found', 'A column has no children.');
  const fields = fieldsOf(await project.api({ path: tablePath(dataset, table) }, call));
  return browseColumns(fields.map(toColumn), [dataset, table], request);
}

/** Dataset and table of a path to read. @throws ConnectorError `not_found` for any other path */
export function placeOf(path: readonly string[]): readonly [dataset: string, table: string] {
  const [dataset, table, ...more] = path;
  if (dataset !== undefined && table !== undefined && more.length === 0) return [dataset, table];
  throw new ConnectorError('not_found', 'Only a table or a view can be read.', {
    remedy: 'Use a path of dataset and table.',
  });
}

const columnsOf = (fields: readonly Field[]): Described['columns'] =>
  fields.map((field) => ({
    ...toColumn(field),
    native: nativeName(field),
    ...(field.description === undefined ? {} : { comment: field.description }),
  }));

const given = <Value>(name: string, value: Value | undefined) =>
  value === undefined ? {} : { [name]: value };

/** A table by its metadata, a query by a dry run. */
export async function describe(project: Project, target: Target, call: Call): Promise<Described> {
  if ('query' in target) {
    const { fields, bytes } = await dryRun(project, target, call);
    return { kind: 'query', columns: columnsOf(fields), ...given('bytes', bytes) };
  }
  const table = await project.api({ path: tablePath(...placeOf(target.path)) }, call);
  const { columns: key } = objectIn(objectIn(table, 'tableConstraints'), 'primaryKey');
  return {
    kind: kindOf(table),
    columns: columnsOf(fieldsOf(table)),
    ...given('comment', textIn(table, 'description')),
    ...given('rows', countIn(table, 'numRows')),
    ...given('bytes', countIn(table, 'numBytes')),
    ...(Array.isArray(key) ? { primaryKey: key.filter((name) => typeof name === 'string') } : {}),
  };
}
