import { httpStatuses } from '../../families/http/failures.js';
import { jobSource } from '../../families/jobs/source.js';
import type { ErrorTable } from '../../interface/errors.js';
import type { Connector } from '../../interface/source.js';
import type { Input } from './properties.js';

const missing = (what: string): never => {
  throw new Error(`sources/new_source/connector.ts does not ${what} yet.`);
};

// FILL IN: the service's codes, if its failures have more than an HTTP status.
const errors: ErrorTable = {
  codes: {},
  statuses: httpStatuses,
  waitAt: 'retryAfterSeconds',
  fallback: { kind: 'protocol_error', message: 'The exchange with the source failed.' },
};

export const connector: Connector<Input> = jobSource<Input>({
  errors,
  // FILL IN: the service, over `context.network.fetch` only. `read` answers with a job: submit, poll, cancel.
  connect: async () => ({
    ping: async () => missing('prove the login'),
    browse: async () => missing('list tables'),
    describe: async () => missing('describe a table or a query'),
    read: async () => missing('read'),
  }),
});
