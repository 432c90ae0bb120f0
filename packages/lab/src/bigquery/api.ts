// The calls of https://cloud.google.com/bigquery/docs/reference/rest/v2 that Google's Node client makes to
// browse and to query, with their real shapes; behind them a fixed set of tables instead of an engine.
import type { Datasets, Table } from './data.js';
import { BigQueryFailure } from './failure.js';
import { createJobs, type Job, jobResource, pageOf, queryResults } from './jobs.js';
import { parametersIn } from './parameters.js';
import { findTable, type Plan, pickColumns, planQuery, type QueryScope } from './query.js';
import { timestampFormat, wireRow } from './rows.js';

/** One authenticated call. */
export interface ApiCall {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  sub: string;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
}

export interface BigQueryApi {
  /** The JSON body of a call's answer. @throws BigQueryFailure */
  answer(call: ApiCall): Promise<unknown>;
  jobs(): readonly Job[];
}

/** What every call works on. */
interface Project {
  id: string;
  datasets: Datasets;
  jobs: ReturnType<typeof createJobs>;
}

const base = '/bigquery/v2';
/** A second project, for lists of more than one. */
const emptyProject = 'mooring-lab-empty';

function queryFormat(query: URLSearchParams) {
  return timestampFormat({
    useInt64Timestamp: query.get('formatOptions.useInt64Timestamp'),
    timestampOutputFormat: query.get('formatOptions.timestampOutputFormat'),
  });
}

function pageParams(query: URLSearchParams) {
  const { pageToken, startIndex, maxResults, timeoutMs } = Object.fromEntries(query);
  return { pageToken, startIndex, maxResults, timeoutMs };
}

/** A page of a list call, whose token is named differently from a row page's. */
function listPage<Item>(items: readonly Item[], query: URLSearchParams) {
  const { from, to, pageToken } = pageOf(pageParams(query), items.length);
  return { page: items.slice(from, to), next: pageToken === undefined ? {} : { nextPageToken: pageToken } };
}

function tableResource(
  place: { projectId: string; datasetId: string; tableId: string },
  table: Table,
  sub: string,
) {
  return {
    kind: 'bigquery#table',
    id: `${place.projectId}:${place.datasetId}.${place.tableId}`,
    tableReference: place,
    type: table.kind,
    schema: { fields: table.fields },
    numRows: table.kind === 'VIEW' ? undefined : String(table.rowCount(sub)),
    location: 'US',
  };
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function requireStandardSql(request: Record<string, unknown>): string {
  // The API's default is legacy SQL, which a client has to switch off.
  if (request['useLegacySql'] !== false)
    throw new BigQueryFailure('invalidQuery', 'Legacy SQL is not supported');
  if (typeof request['query'] !== 'string')
    throw new BigQueryFailure('invalid', 'Required parameter is missing: query');
  return request['query'];
}

function scopeOf(project: Project, sub: string, request: Record<string, unknown> = {}): QueryScope {
  const { datasetId } = object(request['defaultDataset']);
  const inDataset = typeof datasetId === 'string' ? { defaultDataset: datasetId } : {};
  const parameters = parametersIn(request);
  return { projectId: project.id, datasets: project.datasets, sub, parameters, ...inDataset };
}

function listProjects(project: Project, { query }: ApiCall) {
  const ids = [project.id, emptyProject];
  const { page, next } = listPage(ids, query);
  const projects = page.map((id) => ({
    kind: 'bigquery#project',
    id,
    numericId: String(1000 + ids.indexOf(id)),
    projectReference: { projectId: id },
    friendlyName: id,
  }));
  return { kind: 'bigquery#projectList', projects, totalItems: ids.length, ...next };
}

function listDatasets(project: Project, { query }: ApiCall) {
  const { page, next } = listPage([...project.datasets.keys()], query);
  const datasets = page.map((datasetId) => ({
    kind: 'bigquery#dataset',
    id: `${project.id}:${datasetId}`,
    datasetReference: { projectId: project.id, datasetId },
    location: 'US',
  }));
  return { kind: 'bigquery#datasetList', datasets, ...next };
}

function listTables(project: Project, { query, sub }: ApiCall, datasetId: string) {
  const dataset = project.datasets.get(datasetId);
  if (dataset === undefined) {
    throw new BigQueryFailure('notFound', `Not found: Dataset ${project.id}:${datasetId}`);
  }
  const { page, next } = listPage([...dataset], query);
  const tables = page.map(([tableId, table]) => {
    const {
      schema: _,
      numRows: __,
      ...row
    } = tableResource({ projectId: project.id, datasetId, tableId }, table, sub);
    return row;
  });
  return { kind: 'bigquery#tableList', tables, totalItems: dataset.size, ...next };
}

function getTable(project: Project, { sub }: ApiCall, datasetId: string, tableId: string) {
  const table = findTable(scopeOf(project, sub), datasetId, tableId);
  return tableResource({ projectId: project.id, datasetId, tableId }, table, sub);
}

function listRows(project: Project, { query, sub }: ApiCall, datasetId: string, tableId: string) {
  const table = findTable(scopeOf(project, sub), datasetId, tableId);
  if (table.kind === 'VIEW') throw new BigQueryFailure('invalid', 'Cannot list a table of type VIEW.');
  const selected = query.get('selectedFields')?.split(',') ?? table.fields.map(({ name }) => name);
  const columns = pickColumns(table.fields, selected);
  const fields = columns.flatMap((column) => table.fields[column] ?? []);
  const { from, to, pageToken } = pageOf(pageParams(query), table.rowCount(sub));
  const rows = Array.from({ length: Math.max(0, to - from) }, (_, offset) => {
    const cells = table.row(sub, from + offset);
    const picked = columns.map((column) => cells[column] ?? null);
    return wireRow(fields, picked, queryFormat(query));
  });
  const totalRows = String(table.rowCount(sub));
  return { kind: 'bigquery#tableDataList', totalRows, ...(pageToken ? { pageToken } : {}), rows };
}

async function runQuery(project: Project, { body, sub, signal }: ApiCall) {
  const query = requireStandardSql(body);
  const plan = planQuery(query, scopeOf(project, sub, body));
  const kind = 'bigquery#queryResponse';
  if (body['dryRun'] === true) {
    const nothing = { totalRows: '0', totalBytesProcessed: '0' };
    return { kind, schema: { fields: plan.fields }, jobComplete: true, ...nothing };
  }
  const job = project.jobs.begin({ sub, query, plan });
  const { maxResults, timeoutMs } = body;
  const format = timestampFormat(object(body['formatOptions']));
  return { kind, ...(await queryResults(job, project.id, { maxResults, timeoutMs, format, signal })) };
}

/** A dry run makes no job that could be found later. */
function dryRunResource(project: Project, query: string, { statementType, fields }: Plan) {
  const bytes = { totalBytesProcessed: '0' };
  return {
    kind: 'bigquery#job',
    configuration: { jobType: 'QUERY', dryRun: true, query: { query, useLegacySql: false } },
    jobReference: { projectId: project.id, location: 'US' },
    status: { state: 'DONE' },
    statistics: { ...bytes, query: { ...bytes, statementType, schema: { fields } } },
  };
}

function insertJob(project: Project, { body, sub }: ApiCall) {
  const configuration = object(body['configuration']);
  const request = object(configuration['query']);
  const query = requireStandardSql(request);
  const { jobId } = object(body['jobReference']);
  const plan = planQuery(query, scopeOf(project, sub, request));
  if (configuration['dryRun'] === true) return dryRunResource(project, query, plan);
  const named = typeof jobId === 'string' ? { id: jobId } : {};
  return jobResource(project.jobs.begin({ sub, query, plan, ...named }), project.id);
}

async function getResults(project: Project, { query, sub, signal }: ApiCall, jobId: string) {
  const asked = { ...pageParams(query), format: queryFormat(query), signal };
  const answer = await queryResults(project.jobs.find(jobId, sub), project.id, asked);
  return { kind: 'bigquery#getQueryResultsResponse', ...answer };
}

function getJob(project: Project, { sub }: ApiCall, jobId: string) {
  return jobResource(project.jobs.find(jobId, sub), project.id);
}

function cancelJob(project: Project, { sub }: ApiCall, jobId: string) {
  const job = project.jobs.find(jobId, sub);
  job.cancel();
  return { kind: 'bigquery#jobCancelResponse', job: jobResource(job, project.id) };
}

type Handler = (project: Project, call: ApiCall, first: string, second: string) => unknown;

/** Paths below the project. */
const routes: readonly { method: string; path: RegExp; handle: Handler }[] = [
  { method: 'GET', path: /^\/datasets$/, handle: listDatasets },
  { method: 'GET', path: /^\/datasets\/([^/]+)\/tables$/, handle: listTables },
  { method: 'GET', path: /^\/datasets\/([^/]+)\/tables\/([^/]+)$/, handle: getTable },
  { method: 'GET', path: /^\/datasets\/([^/]+)\/tables\/([^/]+)\/data$/, handle: listRows },
  { method: 'POST', path: /^\/queries$/, handle: runQuery },
  { method: 'GET', path: /^\/queries\/([^/]+)$/, handle: getResults },
  { method: 'POST', path: /^\/jobs$/, handle: insertJob },
  { method: 'GET', path: /^\/jobs\/([^/]+)$/, handle: getJob },
  { method: 'POST', path: /^\/jobs\/([^/]+)\/cancel$/, handle: cancelJob },
];

/** Makes the API over a project's datasets. */
export function createBigQueryApi(projectId: string, datasets: Datasets): BigQueryApi {
  const project: Project = { id: projectId, datasets, jobs: createJobs(projectId) };
  const own = `${base}/projects/${projectId}`;

  async function answer(call: ApiCall): Promise<unknown> {
    if (call.method === 'GET' && call.path === `${base}/projects`) return listProjects(project, call);
    if (call.method === 'GET' && call.path === `${base}/projects/${emptyProject}/datasets`) {
      return { kind: 'bigquery#datasetList' };
    }
    const path = call.path.startsWith(`${own}/`) ? call.path.slice(own.length) : '';
    for (const route of routes) {
      const match = route.method === call.method ? route.path.exec(path) : null;
      if (match === null) continue;
      const [, first = '', second = ''] = match;
      return await route.handle(project, call, decodeURIComponent(first), decodeURIComponent(second));
    }
    throw new BigQueryFailure('notFound', `Not found: ${call.method} ${call.path}`);
  }

  return { answer, jobs: project.jobs.all };
}
