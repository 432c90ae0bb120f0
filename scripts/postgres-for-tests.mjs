// Imported from source: nothing is compiled before the tests.
import { startPostgres } from '../packages/lab/src/postgres.ts';

let server;

/** Starts one PostgreSQL for all tests; each server under test gets its own database. */
export async function setup(project) {
  server = await startPostgres({ rowsInBig: 1 });
  const { host, port, admin } = server;
  project.provide('databaseServer', { host, port, admin });
}

export const teardown = () => server.close();
