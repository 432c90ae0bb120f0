import { setTimeout as delay } from 'node:timers/promises';
import type { ReadRequest, RowStream } from '../../interface/connector.js';
import type { Column, JsonValue, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { batchRowsMax, columnPositions, columnsMax } from '../../kit/columns.js';
import { abortError } from '../../kit/deadline.js';
import { type Api, type JsonObject, objectIn, objectsIn, textIn } from './api.js';
import { createRowMaker, type Field, fieldOf, toColumn } from './data-types.js';
import { fromJob } from './errors.js';

/** How long BigQuery holds a poll for a result. */
const pollMs = 10_000;
/** Pause between polls, for a response that comes immediately although the job is still running. */
const pollPauseMs = 200;

type FetchPage = (pageToken: string | undefined, rowsMax: number) => Promise<JsonObject>;

/** Values requested per page. */
const pageCells = 262_144;
/** Consecutive pages without rows, after which the result counts as endless. */
const emptyPagesMax = 1_000;

/**
 * The fields of a table or a result.
 * @throws ConnectorError `too_large` for more fields than BigQuery itself allows, `protocol_error` for a malformed
 * field
 */
export function fieldsOf(answer: JsonObject): readonly Field[] {
  const fields = objectsIn(objectIn(answer, 'schema'), 'fields');
  if (fields.length > columnsMax) {
    throw new ConnectorError('too_large', `BigQuery sent more than ${columnsMax} columns.`);
  }
  return fields.map((field) => fieldOf(field));
}

/** Maximum rows per page, by the number of columns. */
const pageRowsMax = (columns: number) => Math.max(1, Math.floor(pageCells / Math.max(1, columns)));

interface Pages {
  first: JsonObject;
  fetchPage: FetchPage;
  /** All columns of a row, before the selection. */
  columns: readonly Column[];
  convert: (row: JsonValue) => Row;
}

async function* readPages(
  { first, fetchPage, columns, convert }: Pages,
  request: ReadRequest,
): AsyncGenerator<readonly Row[]> {
  const batchRows = Math.min(request.batchRows, batchRowsMax(columns));
  const pageRows = Math.min(request.batchRows, pageRowsMax(columns.length));
  let left = request.limit ?? Number.POSITIVE_INFINITY;
  let emptyPages = 0;
  for (let page = first; ; ) {
    const rows = Array.isArray(page['rows']) ? page['rows'] : [];
    emptyPages = rows.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > emptyPagesMax) {
      throw new ConnectorError('protocol_error', 'BigQuery keeps sending pages without rows.');
    }
    for (let start = 0; start < rows.length && left > 0; start += batchRows) {
      const batch = rows.slice(start, Math.min(start + batchRows, start + left));
      left -= batch.length;
      yield batch.map(convert);
    }
    const token = textIn(page, 'pageToken');
    if (token === undefined || left <= 0) return;
    const next = await fetchPage(token, Math.min(pageRows, left));
    if (textIn(next, 'pageToken') === token) {
      throw new ConnectorError('protocol_error', 'BigQuery sent the same page twice.');
    }
    page = next;
  }
}

async function streamOf(
  fields: readonly Field[] | undefined,
  fetchPage: FetchPage,
  request: ReadRequest,
): Promise<RowStream> {
  const rowsMost = Math.min(request.batchRows, pageRowsMax(fields?.length ?? 1));
  const rowsMax = Math.max(1, Math.min(rowsMost, request.limit ?? rowsMost));
  const first = await fetchPage(undefined, rowsMax);
  const schema = fields ?? fieldsOf(first);
  const names = schema.map(({ name }) => name);
  const positions = columnPositions(names, request.columns);
  columnPositions(names, request.asText);
  const { columns, toRow } = createRowMaker(schema, positions, request.asText);
  return {
    columns,
    batches: readPages({ first, fetchPage, columns: schema.map(toColumn), convert: toRow }, request),
  };
}

function queryConfiguration(api: Api, query: string): JsonObject {
  const { maximumBytesBilled } = api.properties;
  return {
    query: {
      query,
      useLegacySql: false,
      ...(maximumBytesBilled === undefined ? {} : { maximumBytesBilled: String(maximumBytesBilled) }),
    },
  };
}

function jobReference(api: Api, jobId: string | undefined): JsonObject {
  const { Location: location } = api.properties;
  return {
    projectId: api.projectId,
    ...(jobId === undefined ? {} : { jobId }),
    ...(location === undefined ? {} : { location }),
  };
}

/** BigQuery itself reports the statement type; scripts, DML and DDL are not run. */
async function assertSelect(api: Api, configuration: JsonObject): Promise<void> {
  const answer = await api.call({
    method: 'POST',
    uri: '/jobs',
    json: { configuration: { ...configuration, dryRun: true }, jobReference: jobReference(api, undefined) },
  });
  const type = textIn(objectIn(objectIn(answer, 'statistics'), 'query'), 'statementType');
  if (type === 'SELECT') return;
  throw new ConnectorError('invalid_query', 'Only a single SELECT statement can be read.', {
    ...(type !== undefined && /^[A-Z_]{1,64}$/.test(type) ? { nativeCode: type } : {}),
  });
}

/** Cancels a job whose caller is gone; the response does not matter. */
async function cancelJob(api: Api, jobId: string, location: string | undefined): Promise<void> {
  await api
    .callAfterAbort({ method: 'POST', uri: `/jobs/${jobId}/cancel`, qs: { location } })
    .catch(() => {});
}

/**
 * Runs a SELECT as a job and streams its result page by page. The job is cancelled if it does not complete for any
 * reason.
 * @param taken collects work that continues after a failed read, for `close` to wait for
 * @throws ConnectorError `invalid_query` unless a dry run reports a SELECT
 */
export async function readQuery(
  api: Api,
  request: ReadRequest & { query: string },
  taken: Set<Promise<void>>,
) {
  const configuration = queryConfiguration(api, request.query);
  await assertSelect(api, configuration);
  const jobId = `mooring_${crypto.randomUUID()}`;
  let location = api.properties.Location;
  let isAccepted = false;
  let isComplete = false;

  const results: FetchPage = async (pageToken, maxResults) => {
    for (;;) {
      const page = await api.call({
        uri: `/queries/${jobId}`,
        qs: { location, maxResults, pageToken, timeoutMs: pollMs, 'formatOptions.useInt64Timestamp': true },
      });
      if (page['jobComplete'] === true) return page;
      await delay(pollPauseMs, undefined, { signal: api.signal }).catch(() => {
        throw abortError(api.signal);
      });
    }
  };

  try {
    const job = await api.call({
      method: 'POST',
      uri: '/jobs',
      json: { configuration, jobReference: jobReference(api, jobId) },
    });
    isAccepted = true;
    location = textIn(objectIn(job, 'jobReference'), 'location') ?? location;
    const failure = objectIn(objectIn(job, 'status'), 'errorResult');
    if (textIn(failure, 'reason') !== undefined) throw fromJob(failure);
    return await streamOf(
      undefined,
      async (pageToken, rowsMax) => {
        const page = await results(pageToken, rowsMax);
        isComplete = true;
        return page;
      },
      request,
    );
  } catch (error) {
    // A code means that BigQuery has responded, so a job that it did not accept does not exist.
    const isRefused = !isAccepted && error instanceof ConnectorError && error.nativeCode !== undefined;
    if (!isComplete && !isRefused) {
      const cancelling = cancelJob(api, jobId, location).finally(() => taken.delete(cancelling));
      taken.add(cancelling);
    }
    throw error;
  }
}

/** Quotes a name for standard SQL. Names that could end the quotes are not valid in BigQuery. */
function quoted(name: string): string {
  if (/[`\\\p{Cc}]/u.test(name)) throw new ConnectorError('not_found', 'The name is not valid in BigQuery.');
  return `\`${name}\``;
}

/** Path of a table relative to the project, with names that cannot leave their segment. */
export function tableUri(dataset: string, table: string): string {
  const safe = (name: string) => {
    if (name === '' || name === '.' || name === '..') {
      throw new ConnectorError('not_found', 'The name is not valid in BigQuery.');
    }
    return encodeURIComponent(name);
  };
  return `/datasets/${safe(dataset)}/tables/${safe(table)}`;
}

/** Streams a plain table with tabledata.list, and everything else (views, external tables) with `SELECT`. */
export async function readTable(
  api: Api,
  request: ReadRequest & { path: readonly [string, string] },
  taken: Set<Promise<void>>,
) {
  const [dataset, table] = request.path;
  const uri = tableUri(dataset, table);
  const metadata = await api.call({ uri });
  const all = fieldsOf(metadata);
  const positions = columnPositions(
    all.map(({ name }) => name),
    request.columns,
  );
  const wanted = positions.map((position) => all[position] as Field);
  if (metadata['type'] !== 'TABLE') {
    const names = request.columns ? wanted.map(({ name }) => quoted(name)).join(', ') : '*';
    const from = [api.projectId, dataset, table].map(quoted).join('.');
    const tail = request.limit === undefined ? '' : ` LIMIT ${request.limit}`;
    const { path: _path, columns: _columns, ...rest } = request;
    return readQuery(api, { ...rest, query: `SELECT ${names} FROM ${from}${tail}` }, taken);
  }
  // Commas and dots have a meaning in selectedFields.
  const canSelect =
    request.columns !== undefined && wanted.every(({ name }) => /^[\p{L}\p{N}_ -]+$/u.test(name));
  const fields = canSelect ? all.filter((field) => wanted.includes(field)) : all;
  const selectedFields = canSelect ? fields.map(({ name }) => name).join(',') : undefined;
  const fetchPage: FetchPage = (pageToken, maxResults) =>
    api.call({
      uri: `${uri}/data`,
      qs: { maxResults, pageToken, selectedFields, 'formatOptions.useInt64Timestamp': true },
    });
  return streamOf(fields, fetchPage, request);
}
