import type { Call } from '../../interface/call.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Parameters, ReadRequest } from '../../interface/plan.js';
import { GoogleFailure, GoogleWorkFailure } from '../google/failures.js';
import { countIn, type JsonObject, objectIn, textIn } from '../google/members.js';
import { pageRows } from '../jobs/read-pages.js';
import type { Job, PagedRows } from '../jobs/service.js';
import type { Field } from './data-types.js';
import { parametersOf } from './parameters.js';
import { fieldsOf, type Project } from './project.js';
import { pageOf, selectionOf } from './rows.js';

/** How long BigQuery holds a poll for a result. */
const pollMs = 10_000;

export interface Query {
  query: string;
  parameters?: Parameters | undefined;
}

function configurationOf({ maximumBytesBilled }: Project, { query, parameters }: Query): JsonObject {
  const limit = maximumBytesBilled === undefined ? {} : { maximumBytesBilled: String(maximumBytesBilled) };
  return { query: { query, useLegacySql: false, ...limit, ...parametersOf(parameters) } };
}

const referenceOf = ({ id: projectId, location }: Project, jobId?: string): JsonObject => ({
  projectId,
  ...(jobId === undefined ? {} : { jobId }),
  ...(location === undefined ? {} : { location }),
});

/** What BigQuery says of a query without running it. */
export interface DryRun {
  fields: readonly Field[];
  /** That it would read. */
  bytes: number | undefined;
}

/**
 * Asks what a query is: scripts, DML and DDL are not run.
 * @throws ConnectorError `invalid_query` unless it is a SELECT
 */
export async function dryRun(project: Project, query: Query, call: Call): Promise<DryRun> {
  const configuration = { ...configurationOf(project, query), dryRun: true };
  const body = { configuration, jobReference: referenceOf(project) };
  const answer = await project.api({ method: 'POST', path: '/jobs', body }, call);
  const about = objectIn(objectIn(answer, 'statistics'), 'query');
  const type = textIn(about, 'statementType');
  if (type === 'SELECT') return { fields: fieldsOf(about), bytes: countIn(about, 'totalBytesProcessed') };
  throw new ConnectorError('invalid_query', 'Only a single SELECT statement can be read.', {
    ...(type !== undefined && /^[A-Z_]{1,64}$/.test(type) ? { nativeCode: type } : {}),
  });
}

/** A SELECT as a job. Its id is ours, so that it can be stopped even if BigQuery does not answer. */
export class QueryJob implements Job {
  readonly #project: Project;
  readonly #query: Query;
  readonly #request: ReadRequest;
  readonly #firstRows: number;
  readonly #id = `mooring_${crypto.randomUUID()}`;
  #location: string | undefined;
  #exists = true;

  /** @param columns of the result; 0 if that is not known */
  constructor(project: Project, query: Query, request: ReadRequest, columns: number) {
    this.#project = project;
    this.#query = query;
    this.#request = request;
    this.#firstRows = pageRows(columns, request.limit);
    this.#location = project.location;
  }

  async submit(): Promise<undefined> {
    const { api } = this.#project;
    const body = {
      configuration: configurationOf(this.#project, this.#query),
      jobReference: referenceOf(this.#project, this.#id),
    };
    try {
      const job = await api({ method: 'POST', path: '/jobs', body }, uninterrupted());
      this.#location = textIn(objectIn(job, 'jobReference'), 'location') ?? this.#location;
      const failure = objectIn(objectIn(job, 'status'), 'errorResult');
      if (textIn(failure, 'reason') !== undefined) throw new GoogleWorkFailure(failure);
    } catch (error) {
      this.#exists = !(error instanceof GoogleFailure || error instanceof GoogleWorkFailure);
      throw error;
    }
  }

  async poll(call: Call): Promise<PagedRows | undefined> {
    const answer = await this.#results(undefined, this.#firstRows, call);
    if (answer['jobComplete'] !== true) return undefined;
    return {
      ...selectionOf(fieldsOf(answer), this.#request),
      first: pageOf(answer),
      page: async (token, rowsMax, later) => {
        const page = await this.#results(token, rowsMax, later);
        if (page['jobComplete'] === true) return pageOf(page);
        throw new ConnectorError('protocol_error', 'BigQuery takes back the result of a query.');
      },
    };
  }

  async cancel(): Promise<void> {
    if (!this.#exists) return;
    const query = { location: this.#location };
    await this.#project.api({ method: 'POST', path: `/jobs/${this.#id}/cancel`, query }, uninterrupted());
  }

  #results(pageToken: string | undefined, maxResults: number, call: Call): Promise<JsonObject> {
    const query = {
      ...{ location: this.#location, maxResults, pageToken, timeoutMs: pollMs },
      'formatOptions.useInt64Timestamp': true,
    };
    return this.#project.api({ path: `/queries/${this.#id}`, query }, call);
  }
}

/** Ends with the session's network. */
const uninterrupted = () => ({ signal: new AbortController().signal });
