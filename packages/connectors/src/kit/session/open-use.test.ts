import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import type { AnySource } from '../../interface/source.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { startToyServer, type ToyServer, toyPassword, toyPeople, toyUser } from '../../suite/toy-server.js';
import { toySource } from '../../suite/toy-source.js';
import { createRetries } from '../retries.js';
import { openUse, type RowStream } from './open-use.js';

let server: ToyServer;
beforeAll(async () => {
  server = await startToyServer({ people: toyPeople(50) });
});
afterAll(() => server.close());

const network = createDirectNetwork();
const call = () => ({ signal: new AbortController().signal });

const opened = (password = toyPassword, signal = new AbortController().signal) =>
  openUse(
    toySource as unknown as AnySource,
    {
      definition: { host: server.host, port: server.port },
      method: 'password',
      fields: { username: toyUser, password: new Secret(password) },
      settings: {},
    },
    { network, retries: createRetries(), signal },
  );

const rowsOf = async ({ batches }: RowStream): Promise<Row[]> => {
  const rows: Row[] = [];
  for await (const batch of batches) if ('rows' in batch) rows.push(...batch.rows);
  return rows;
};

it('opens, proves the login, reads, and closes without leaving a connection', async () => {
  const use = await opened();
  expect(await use.ping(call())).toMatchObject({ account: toyUser, readOnly: 'enforced' });
  const stream = await use.read({ target: { path: ['main', 'people'] }, batchRows: 7 }, call());
  expect(await rowsOf(stream)).toEqual(server.tables['people']?.rows);
  expect(stream.cursor()).toBe(50);
  await use.close();
  expect(network.openSockets()).toBe(0);
  expect(use.isBroken()).toBe(true);
});

it('reports a refused login without what the server said, and leaves nothing open', async () => {
  const failure = await opened('wrong-password-1').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ConnectorError);
  expect(failure).toMatchObject({ kind: 'auth_failed', server: undefined });
  expect(network.openSockets()).toBe(0);
});
