import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import { Secret } from '../../interface/secret.js';
import type { AnySource } from '../../interface/source.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { toyPassword, toyUser } from '../../suite/toy-server.js';
import { createRetries } from '../retries.js';
import { type CallOptions, openUse, type RowStream, type UseSurroundings } from './open-use.js';

/** Opens a source that has the toy's properties and login, over a network that counts its sockets. */
export async function openOn(
  source: AnySource,
  place: { host: string; port: number },
  given: Partial<UseSurroundings> & { password?: string; network?: Network } = {},
) {
  const direct = createDirectNetwork();
  const { password = toyPassword, ...surroundings } = given;
  const controller = new AbortController();
  const opening = openUse(
    source,
    {
      definition: { host: place.host, port: place.port },
      method: 'password',
      fields: { username: toyUser, password: new Secret(password) },
      settings: {},
    },
    { network: direct, retries: createRetries(), signal: controller.signal, ...surroundings },
  );
  return { use: await opening, network: direct, endSession: (reason?: unknown) => controller.abort(reason) };
}

/** Options of a call that nobody ends. */
export const call = (rest: { timeoutMs?: number; isPreview?: boolean } = {}): CallOptions => ({
  signal: new AbortController().signal,
  ...rest,
});

/** Options of a call, and what ends it. */
export function endable(): { options: CallOptions; end(reason?: unknown): void } {
  const controller = new AbortController();
  return { options: { signal: controller.signal }, end: (reason?: unknown) => controller.abort(reason) };
}

export const pathOf = (table: string) => ({ path: ['main', table] });

/** All rows of a stream, of whose batches none is Arrow. */
export async function rowsOf({ batches }: RowStream) {
  const rows: unknown[] = [];
  for await (const batch of batches) {
    if (!('rows' in batch)) throw new Error('a batch of rows was expected');
    rows.push(...batch.rows);
  }
  return rows;
}

/** The failure as its kind and text. */
export const failing = (work: Promise<unknown>): Promise<{ kind: string; message: string }> =>
  work.then(
    () => ({ kind: 'none', message: '' }),
    (error: unknown) => {
      if (!(error instanceof ConnectorError)) throw error;
      return { kind: error.kind, message: error.message };
    },
  );

/** How long it takes, in milliseconds. */
export async function timed<Result>(work: Promise<Result>): Promise<{ result: Result; ms: number }> {
  const begun = performance.now();
  const result = await work;
  return { result, ms: performance.now() - begun };
}

/** Lets what was called begin. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));
