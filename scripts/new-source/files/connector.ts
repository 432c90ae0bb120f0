import { fileSource } from '../../families/files/source.js';
import type { OpenStore } from '../../families/files/store.js';
import { httpStatuses } from '../../families/http/failures.js';
import type { ErrorTable } from '../../interface/errors.js';
import type { Connector } from '../../interface/source.js';
import type { Input } from './properties.js';

const missing = (what: string): never => {
  throw new Error(`sources/new_source/connector.ts does not ${what} yet.`);
};

// FILL IN: the store, over `context.network` only: it lists a folder and opens a file as a stream, and by ranges.
const openStore: OpenStore<Input> = async () => ({
  defaults: {},
  ping: async () => missing('prove the login'),
  list: async () => missing('list a folder'),
  assertFile: async () => missing('tell a missing file from one of another kind'),
  file: () => missing('open a file'),
  bytes: async () => missing('give the bytes of a file'),
  close: async () => undefined,
});

// FILL IN: the store's codes, if its failures have more than an HTTP status.
const errors: ErrorTable = {
  codes: {},
  statuses: httpStatuses,
  waitAt: 'retryAfterSeconds',
  fallback: { kind: 'protocol_error', message: 'The exchange with the source failed.' },
};

export const connector: Connector<Input> = fileSource(openStore, errors);
