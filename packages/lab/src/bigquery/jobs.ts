import { randomUUID } from 'node:crypto';
import { BigQueryFailure } from './failure.js';
import type { Plan } from './query.js';
import { type TimestampFormat, wireRow } from './rows.js';

export interface Job {
  id: string;
  sub: string;
  query: string;
  plan: Plan;
  state: 'RUNNING' | 'DONE';
  isCancelled: boolean;
  /** Settles when the job is done. */
  done: Promise<void>;
  cancel(): void;
}

/** Rows of one answer where the request names no `maxResults`; the real limit is in bytes. */
const pageRows = 10_000;
const waitDefaultMs = 10_000;

/** Jobs of the stand-in; only their creator sees them. */
export function createJobs(projectId: string) {
  const jobs = new Map<string, Job>();

  function begin(input: { sub: string; query: string; plan: Plan; id?: string }): Job {
    const id = input.id ?? `job_${randomUUID()}`;
    if (jobs.has(id)) throw new BigQueryFailure('invalid', `Already Exists: Job ${projectId}:US.${id}`);
    let finish = () => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const job: Job = {
      ...input,
      id,
      state: input.plan.isEndless ? 'RUNNING' : 'DONE',
      isCancelled: false,
      done,
      cancel() {
        if (job.state === 'DONE') return;
        job.state = 'DONE';
        job.isCancelled = true;
        finish();
      },
    };
    if (job.state === 'DONE') finish();
    jobs.set(id, job);
    return job;
  }

  function find(id: string, sub: string): Job {
    const job = jobs.get(id);
    if (job === undefined || job.sub !== sub) {
      throw new BigQueryFailure('notFound', `Not found: Job ${projectId}:US.${id}`);
    }
    return job;
  }

  return { begin, find, all: () => [...jobs.values()] };
}

/** The job resource of jobs.get and jobs.insert. */
export function jobResource(job: Job, projectId: string) {
  const cancelled = {
    reason: 'stopped',
    message: 'Job execution was cancelled: User requested cancellation',
  };
  const failure = job.isCancelled ? { errorResult: cancelled, errors: [cancelled] } : {};
  return {
    kind: 'bigquery#job',
    id: `${projectId}:US.${job.id}`,
    jobReference: { projectId, jobId: job.id, location: 'US' },
    configuration: { jobType: 'QUERY', query: { query: job.query, useLegacySql: false } },
    status: { state: job.state, ...failure },
    statistics: { query: { statementType: job.plan.statementType, totalBytesProcessed: '0' } },
    user_email: job.sub,
  };
}

/** Row numbers of one page. @throws BigQueryFailure `invalid` for a malformed number or token. */
export function pageOf(
  asked: { pageToken?: unknown; startIndex?: unknown; maxResults?: unknown },
  rowCount: number,
): { from: number; to: number; pageToken?: string } {
  const number = (value: unknown, otherwise: number) => {
    if (value === undefined || value === null || value === '') return otherwise;
    if (!/^\d{1,15}$/.test(String(value)))
      throw new BigQueryFailure('invalid', `Invalid value: ${String(value)}`);
    return Number(value);
  };
  const fromToken =
    typeof asked.pageToken === 'string' && asked.pageToken !== ''
      ? Buffer.from(asked.pageToken, 'base64url').toString().replace(/^row:/, '')
      : undefined;
  const from = number(fromToken ?? asked.startIndex, 0);
  const to = Math.min(rowCount, from + number(asked.maxResults, pageRows));
  if (to >= rowCount) return { from, to };
  return { from, to, pageToken: Buffer.from(`row:${to}`).toString('base64url') };
}

export interface ResultsRequest {
  pageToken?: unknown;
  startIndex?: unknown;
  maxResults?: unknown;
  timeoutMs?: unknown;
  format: TimestampFormat;
  /** The caller left; stops the waiting. */
  signal: AbortSignal;
}

async function waitFor(job: Job, timeoutMs: unknown, signal: AbortSignal): Promise<void> {
  const wait = AbortSignal.any([signal, AbortSignal.timeout(Number(timeoutMs ?? waitDefaultMs))]);
  await Promise.race([
    job.done,
    new Promise<void>((resolve) => wait.addEventListener('abort', () => resolve(), { once: true })),
  ]);
}

/** The answer of jobs.query and jobs.getQueryResults. @throws BigQueryFailure `stopped` for a cancelled job. */
export async function queryResults(job: Job, projectId: string, asked: ResultsRequest) {
  if (job.state === 'RUNNING') await waitFor(job, asked.timeoutMs, asked.signal);
  if (job.isCancelled) {
    throw new BigQueryFailure('stopped', 'Job execution was cancelled: User requested cancellation');
  }
  const jobReference = { projectId, jobId: job.id, location: 'US' };
  if (job.state === 'RUNNING') return { jobReference, jobComplete: false };
  const { from, to, pageToken } = pageOf(asked, job.plan.rowCount);
  const rows = [];
  for (let index = from; index < to; index += 1) {
    rows.push(wireRow(job.plan.fields, job.plan.row(index), asked.format));
  }
  return {
    jobReference,
    jobComplete: true,
    schema: { fields: job.plan.fields },
    totalRows: String(job.plan.rowCount),
    ...(pageToken === undefined ? {} : { pageToken }),
    ...(rows.length > 0 ? { rows } : {}),
    totalBytesProcessed: '0',
    cacheHit: false,
  };
}
