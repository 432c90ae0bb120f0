import type { ErrorTable } from '../../interface/errors.js';
import type { Connector } from '../../interface/source.js';
import type { Input } from './properties.js';

const missing = (what: string): never => {
  throw new Error(`sources/new_source/connector.ts does not ${what} yet.`);
};

// FILL IN: the driver's codes: a refused sign-in, a missing right, an unknown table.
const errors: ErrorTable = {
  codes: {},
  fallback: { kind: 'protocol_error', message: 'The exchange with the server failed.' },
};

export const connector: Connector<Input> = {
  errors,
  // FILL IN: signs in by the driver, on `network.socket({host, port})` of the context. It throws the driver's errors as they are.
  open: async () => ({
    ping: async () => missing('prove the login'),
    browse: async () => missing('list what there is'),
    describe: async () => missing('describe a table'),
    plan: async () => missing('read'),
    close: async () => undefined,
  }),
};
