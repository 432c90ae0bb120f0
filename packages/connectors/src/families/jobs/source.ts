import type { Call } from '../../interface/call.js';
import type { ErrorTable } from '../../interface/errors.js';
import type { ReadPlan, ReadRequest } from '../../interface/plan.js';
import type { Context, Session } from '../../interface/session.js';
import type { Connector } from '../../interface/source.js';
import { throwIfAborted } from '../../kit/deadline.js';
import { readPages } from './read-pages.js';
import { type RunningJob, runJob } from './run-job.js';
import type { Job, JobService, PagedRows } from './service.js';

/** What makes a source of a service that runs statements as jobs. */
export interface JobFamily<Input> {
  /** Signs in. */
  connect(input: Input, context: Context): Promise<JobService>;
  errors: ErrorTable;
}

const isJob = (found: Job | PagedRows): found is Job => 'submit' in found;

const planOf = (result: PagedRows, { limit }: ReadRequest): ReadPlan => ({
  columns: result.columns,
  done: { columns: true, limit: true, order: false, asText: true, filter: 'none' },
  splits: [null],
  open: (_split, _how, call) => readPages(result, limit, call),
  // A result stays at the source, which forgets it by itself.
  close: async () => {},
});

function jobSession({ read, ...service }: JobService): Session {
  const running = new Set<RunningJob>();
  const stopAll = async () => {
    await Promise.all([...running].map((job) => job.stop()));
  };
  const resultOf = async (job: Job, call: Call): Promise<PagedRows> => {
    throwIfAborted(call.signal);
    const run = runJob(job, call);
    running.add(run);
    // A job that failed may still be stopping, for which `close` waits.
    run.result.catch(() => run.stop()).finally(() => running.delete(run));
    return run.result;
  };
  return {
    ...service,
    async plan(request, call) {
      const found = await read(request, call);
      return planOf(isJob(found) ? await resultOf(found, call) : found, request);
    },
    cancel: stopAll,
    close: stopAll,
  };
}

export const jobSource = <Input>({ connect, errors }: JobFamily<Input>): Connector<Input> => ({
  errors,
  open: async (input, context) => jobSession(await connect(input, context)),
});
