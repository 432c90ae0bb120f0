// Servers with scripted behaviour, and sessions that prove they left nothing open.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import { manifestOf } from '../../kit/manifest.js';
import { parseProperties, selectSignIn } from '../../kit/properties.js';
import {
  allBatches,
  openSession,
  type TestInput,
  type TestRead,
  type TestSession,
} from '../../suite/bench.js';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { source } from './source.js';

export const manifest = manifestOf(source);

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Stand {
  url: string;
  port: number;
  requests: IncomingMessage[];
}

export async function listen(handler: Handler): Promise<Stand & { close(): Promise<void> }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, requests, close };
}

/** Like `listen`, for one test. */
export async function serve(handler: Handler): Promise<Stand> {
  const stand = await listen(handler);
  onTestFinished(stand.close);
  return stand;
}

export const json =
  (document: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(typeof document === 'string' ? document : JSON.stringify(document));
  };

export function inputOf(given: Record<string, unknown>, login: Partial<TestInput['login']> = {}): TestInput {
  const parsed = parseProperties(manifest, given);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { definition, credential } = parsed.value;
  const signIn = selectSignIn(manifest, definition).id;
  return { properties: definition, login: { signIn, fields: credential, ...login } };
}

export function problemsOf(given: Record<string, unknown>): string[] {
  const parsed = parseProperties(manifest, { url: 'http://127.0.0.1/x', ...given });
  return parsed.ok ? [] : [...new Set(parsed.problems.map(({ property }) => property))];
}

export interface Opened {
  session: TestSession;
  network: DirectNetwork;
  abort: AbortController;
}

export async function open(input: TestInput, settings: Record<string, string> = {}): Promise<Opened> {
  const network = createDirectNetwork();
  const abort = new AbortController();
  const session = await openSession(source, input, { network, settings, signal: abort.signal });
  onTestFinished(async () => {
    await session.close();
    expect(await network.idle(2_000)).toBe(true);
    network.close();
  });
  return { session, network, abort };
}

export async function read(given: Record<string, unknown>, request: Partial<TestRead> = {}) {
  const { session } = await open(inputOf(given));
  const stream = await session.read({ path: [], batchRows: 100, ...request });
  const rows: Row[] = (await allBatches(stream)).flat();
  return { columns: stream.columns, rows };
}
