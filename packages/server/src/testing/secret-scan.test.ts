import { expect, it } from 'vitest';
import { apiClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

// The scan that runs when a server under test ends must fail if a secret was left.

const password = 'Lying about: p4ssw0rd';

/** A server that received a secret and sealed it. */
async function startTold(told = (_: TestServer) => password): Promise<TestServer> {
  const server = await startServer();
  const { status, text } = await apiClient(server.url, server.adminKey).post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName: 'Told',
    connectionProperties: {
      host: '127.0.0.1',
      port: 9,
      db: 'none',
      username: 'alice',
      password: told(server),
    },
  });
  expect(status, text).toBe(201);
  return server;
}

it('accepts a server that sealed what it received', async () => {
  const server = await startTold();
  await expect(server.close()).resolves.toBeUndefined();
});

it.each([
  ['plain', password],
  ['base64 at 0', Buffer.from(password).toString('base64')],
])('fails the test whose server stored a secret, %s', async (form, text) => {
  const server = await startTold();
  await server.sql(`update connection set name = 'of ${text} here'`);
  const failure = await server.close().catch((error: Error) => error.message);
  expect(failure).toMatch('password sent to POST /api/v1/data-connections');
  expect(failure).toMatch(`(${form}) in `);
  expect(failure).toMatch('of […]');
  expect(failure).not.toContain(text);
});

it('fails the test whose server logged a secret', async () => {
  // The first start logs where it made the key file.
  const server = await startTold(({ dataFolder }) => dataFolder);
  await expect(server.close()).rejects.toThrow(/in the log: /);
});

it('fails the test whose server printed a secret', async () => {
  const server = await startTold();
  server.printed.push(`Told ${password}`);
  await expect(server.close()).rejects.toThrow(/password .* in standard output: .*Told \[…\]/);
});
