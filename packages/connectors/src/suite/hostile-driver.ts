// Drivers that do what drivers should not. Each is a source whose session misbehaves in one way; the kit must end that
// session alone.
import { EventEmitter } from 'node:events';
import { setTimeout as later } from 'node:timers/promises';
import type { Column, Row } from '../interface/data-types.js';
import type { Batch, ReadPlan } from '../interface/plan.js';
import type { Context, Session } from '../interface/session.js';
import type { AnySource } from '../interface/source.js';
import { toySource } from './toy-source.js';

const columns: Column[] = [{ name: 'n', type: 'integer', nullable: false }];
const never = () => new Promise<never>(() => undefined);

/** A plan of one split. */
export const planOf = (open: ReadPlan['open'], rest: Partial<ReadPlan> = {}): ReadPlan => ({
  columns,
  done: { columns: true, limit: false, order: false, asText: false, filter: 'none' },
  splits: [null],
  open,
  close: async () => undefined,
  ...rest,
});

/** Batches of one row each, without end. */
export async function* endless(): AsyncGenerator<Batch> {
  for (let n = 0; ; n += 1) {
    await later(1);
    yield { rows: [[n]] };
  }
}

/** A session that behaves. */
export const wellBehaved = (): Session => ({
  ping: async () => ({ account: 'ada' }),
  browse: async () => ({ items: [] }),
  plan: async () => planOf(endless),
  close: async () => undefined,
});

/** A source whose sessions are made by `open`, with the toy's properties and login. */
export const sourceOf = (
  open: (context: Context, input: { host: string; port: number }) => Session | Promise<Session>,
  abilities: Partial<AnySource['abilities']> = {},
): AnySource => ({
  ...(toySource as unknown as AnySource),
  id: 'hostile',
  abilities: { ...toySource.abilities, cancel: 'disconnect', reset: false, ...abilities },
  load: async () => ({
    connector: {
      errors: { codes: {}, fallback: { kind: 'protocol_error', message: 'The driver failed.' } },
      open: async ({ properties }, context) =>
        open(context, properties as unknown as { host: string; port: number }),
    },
  }),
});

/** Never settles, whatever happens to it. */
export const neverEnds = (): Session => ({
  ping: never,
  browse: never,
  plan: async () =>
    planOf(() => ({ [Symbol.asyncIterator]: () => ({ next: never, return: never }) }), { close: never }),
  cancel: never,
  close: never,
});

/** Ends its rows, and then again, with a row in between. */
export function endsTwice(): Session {
  const steps: IteratorResult<Batch>[] = [
    { done: false, value: { rows: [[1]] } },
    { done: true, value: undefined },
    { done: false, value: { rows: [[2]] } },
    { done: true, value: undefined },
  ];
  let closed = 0;
  const next = async () => steps.shift() ?? { done: true as const, value: undefined };
  const close = async () => {
    closed += 1;
    if (closed > 1) throw new Error('closed twice');
  };
  return {
    ...wellBehaved(),
    plan: async () => planOf(() => ({ [Symbol.asyncIterator]: () => ({ next }) }), { close }),
  };
}

/** Answers a pull only so long after it was left, with rows of the read that was left. */
export function answersLate(lateMs: number): Session {
  let reads = 0;
  const plan = async () => {
    reads += 1;
    const read = reads;
    let pulls = 0;
    const next = async (): Promise<IteratorResult<Batch>> => {
      pulls += 1;
      if (read === 1 && pulls > 1) await later(lateMs);
      return { done: false, value: { rows: [[read]] } };
    };
    return planOf(() => ({ [Symbol.asyncIterator]: () => ({ next }) }));
  };
  return { ...wellBehaved(), plan };
}

/** Leaves a socket, a request of an agent and an answer open, and says goodbye to none of them. */
export async function leaks(
  { network }: Context,
  { host, port }: { host: string; port: number },
): Promise<Session> {
  network.socket({ host, port }).on('error', () => undefined);
  const { http } = network.agents();
  const { request } = await import('node:http');
  request({ agent: http, host, port, path: '/' })
    .on('error', () => undefined)
    .end();
  const answer = network.fetch(`http://${host}:${port}/`);
  answer.catch(() => undefined);
  return wellBehaved();
}

/** Repeats a secret wherever a driver can put text. */
export function tells(secret: string): Session {
  const fail = async (): Promise<never> => {
    const error = Object.assign(new Error(`login with ${secret} failed`), {
      ...{ code: secret, hint: secret, options: { password: secret } },
      cause: new Error(`cause ${secret}`),
    });
    error.stack = `Error: ${secret}\n    at ${secret}`;
    throw error;
  };
  return {
    ...wellBehaved(),
    ping: async () => ({
      server: { product: `Server of ${secret}`, version: 'x'.repeat(400) },
      account: `line one\nline two ${encodeURIComponent(secret)}`,
      notes: [{ text: 'two\n lines' }, { text: Buffer.from(secret).toString('base64') }],
    }),
    browse: fail,
    plan: fail,
  };
}

/** Sends rows of more cells than it has announced, after some that are right. */
export const floods = (row: Row): Session => ({
  ...wellBehaved(),
  plan: async () =>
    planOf(async function* () {
      yield { rows: [[1], [2]] };
      for (;;) yield { rows: [row] };
    }),
});

/** Sends batches without rows, for ever. */
export const empties = (): Session => ({
  ...wellBehaved(),
  plan: async () =>
    planOf(async function* () {
      for (;;) yield { rows: [] };
    }),
});

let isTicking = false;
const moduleQueue: (() => void)[] = [];

/** Throws outside of any call. Kept apart from the others, because it needs a process that asks {@link strayed}. */
export const strayWays = {
  timer: () => void setTimeout(() => fail('timer'), 1),
  immediate: () => void setImmediate(() => fail('immediate')),
  /** Not known to belong to its session before Node 24. */
  microtask: () => queueMicrotask(() => fail('microtask')),
  tick: () => process.nextTick(() => fail('tick')),
  rejection: () => void Promise.reject(new Error('rejection')),
  lateRejection: () => void later(1).then(() => fail('lateRejection')),
  event: () =>
    void later(1).then(() => setImmediate(() => new EventEmitter().emit('error', new Error('event')))),
  notAnError: () => void Promise.reject(undefined),
  socket({ network }: Context, { host, port }: { host: string; port: number }) {
    const socket = network.socket({ host, port });
    socket.on('connect', () => socket.write('{"verb":"goodbye"}\n'));
    socket.on('data', () => fail('socket'));
  },
  /** A refused connection whose `error` event has no listener. */
  unheard({ network }: Context, { host }: { host: string }) {
    network.socket({ host, port: 1 });
  },
  /** A timer of the module, which all sessions share and the first has started. */
  moduleTimer() {
    moduleQueue.push(() => fail('moduleTimer'));
    if (!isTicking) setInterval(() => moduleQueue.shift()?.(), 1).unref();
    isTicking = true;
  },
} satisfies Record<string, (context: Context, place: { host: string; port: number }) => void>;

export type StrayWay = keyof typeof strayWays;

function fail(how: string): never {
  throw new Error(how);
}

/** Fails in one of the ways while it pings, reads, browses (after it has answered) or opens. */
export const strays = (way: StrayWay, when: 'open' | 'ping' | 'read' | 'idle'): AnySource =>
  sourceOf((context, place) => {
    const go = () => strayWays[way](context, place);
    if (when === 'open') {
      go();
      return never();
    }
    return {
      ...wellBehaved(),
      ping: async () => {
        if (when === 'idle') {
          go();
          return {};
        }
        if (when === 'ping') go();
        return never();
      },
      plan: async () =>
        planOf(async function* () {
          yield { rows: [[1]] };
          go();
          await never();
        }),
    };
  });
