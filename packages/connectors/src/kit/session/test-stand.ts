import type { Column, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Network } from '../../interface/network.js';
import type { Batch, ReadPlan, ReadRequest } from '../../interface/plan.js';
import { Secret } from '../../interface/secret.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { planOf, sourceOf, wellBehaved } from '../../suite/hostile-driver.js';
import { toyPassword, toyUser } from '../../suite/toy-server.js';
import { createRetries } from '../retries.js';
import { type ApiRead, type CallOptions, openUse, type RowStream, type UseSurroundings } from './open-use.js';

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

/** Options of a call without an end. */
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

export const never = () => new Promise<never>(() => undefined);

/** A session with a real socket, whose methods are given. */
export const withSocket = (methods: Partial<Session>, abilities: Parameters<typeof sourceOf>[1] = {}) =>
  sourceOf(async ({ network }, { host, port }) => {
    const socket = network.socket({ host, port }).on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    return { ...wellBehaved(), close: async () => void socket.end(), ...methods };
  }, abilities);
/** Rejects when its call is ended, as a driver that takes a signal. */
export const untilEnded = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });

export const columns: Column[] = [
  { name: 'n', type: 'integer', nullable: false },
  { name: 't', type: 'string', nullable: true },
  { name: 'j', type: 'json', nullable: true },
];
export const numbered = (count: number): Row[] =>
  Array.from({ length: count }, (_, n) => [n, `t${n}`, { n }]);

/** Reads a plan that gives these batches; tells what the source was asked for and how it was ended. */
export async function reading(
  batches: readonly Batch[],
  request: Partial<ApiRead> = {},
  rest: Partial<ReadPlan> = {},
) {
  const asked: ReadRequest[] = [];
  const ended: string[] = [];
  let pulls = 0;
  let rowsAsked = 0;
  const plan = async (given: ReadRequest) => {
    asked.push(given);
    return planOf(
      async function* (_, { batchRows }) {
        rowsAsked = batchRows;
        try {
          for (const batch of batches) {
            pulls += 1;
            yield batch;
          }
          ended.push('end');
        } finally {
          ended.push('over');
        }
      },
      { columns, close: async () => void ended.push('close'), ...rest },
    );
  };
  const opened = await openOn(
    sourceOf(() => ({ ...wellBehaved(), plan })),
    { host: '127.0.0.1', port: 1 },
  );
  const stream = await opened.use.read({ target: pathOf('any'), batchRows: 1_000, ...request }, call());
  const found: Batch[] = [];
  try {
    for await (const batch of stream.batches) found.push(batch);
  } finally {
    await opened.use.close();
  }
  return { stream, found, asked: asked[0], ended, pulls: () => pulls, rowsAsked };
}

export const done = (rest: Partial<ReadPlan['done']>): Partial<ReadPlan> => ({
  done: { columns: false, limit: false, order: false, asText: false, filter: 'none', ...rest },
});

/** Longest time for what must not wait for a driver. */
export const atOnceMs = 500;
export const target = { path: ['main', 'items'] };
export const read = { target, batchRows: 10 };
