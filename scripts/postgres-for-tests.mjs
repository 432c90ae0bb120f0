// From its source: nothing is compiled before the tests.
import { startPostgres } from '../packages/lab/src/postgres.ts';

let server;

/** Starts one PostgreSQL for the tests that run on it; each server under test gets a database of its own. */
export async function setup(project) {
  server = await startPostgres({ rowsInBig: 1 });
  const { host, port, admin } = server;
  project.provide('databaseServer', { host, port, admin });
}

export const teardown = () => server.close();
