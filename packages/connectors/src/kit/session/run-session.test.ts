import { AsyncResource } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import type { Session } from '../../interface/session.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import {
  answersLate,
  endless,
  endsTwice,
  neverEnds,
  planOf,
  sourceOf,
  wellBehaved,
} from '../../suite/hostile-driver.js';
import { ProtocolViolation } from '../frame-guard.js';
import { strayed } from './session-scope.js';
import { call, endable, failing, openOn, rowsOf, timed, turn } from './test-stand.js';

// Row by row, the states of a session. Grace is one second, so the tests run side by side.

let place: FakeServer;
beforeAll(async () => {
  place = await startFakeServer(() => undefined);
});
afterAll(() => place.close());

const never = () => new Promise<never>(() => undefined);
const atOnceMs = 500;
const target = { path: ['main', 'people'] };
const read = { target, batchRows: 10 };

/** A session with a real socket, whose methods are given. */
const withSocket = (methods: Partial<Session>, abilities: Parameters<typeof sourceOf>[1] = {}) =>
  sourceOf(async ({ network }, { host, port }) => {
    const socket = network.socket({ host, port }).on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    return { ...wellBehaved(), close: async () => void socket.end(), ...methods };
  }, abilities);
/** Rejects when its call is ended, as a driver that takes a signal. */
const untilEnded = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });

describe.concurrent('a verb', () => {
  it('ends after its timeout, at once, though its driver never does', async () => {
    const { use } = await openOn(sourceOf(neverEnds), place);
    const { result, ms } = await timed(failing(use.ping(call({ timeoutMs: 20 }))));
    expect(result).toEqual({ kind: 'timeout', message: 'The source did not answer in time.' });
    expect(ms).toBeLessThan(atOnceMs);
    await use.close();
  });

  it('is refused while another runs, and while rows are read', async () => {
    const { use } = await openOn(withSocket({ ping: ({ signal }) => untilEnded(signal) }), place);
    const { options, end } = endable();
    const first = failing(use.ping(options));
    const busy = { kind: 'unsupported', message: 'The session is busy.' };
    expect(await failing(use.ping(call()))).toEqual(busy);
    end();
    await first;
    await use.read(read, call());
    expect(await failing(use.browse({ path: [], limit: 1 }, call()))).toEqual(busy);
    await use.close();
    const closed = { kind: 'unreachable', message: 'The session is closed.' };
    expect(await failing(use.ping(call()))).toEqual(closed);
  });

  it('resets first, but only after a statement of the user', async () => {
    const done: string[] = [];
    const source = withSocket(
      {
        ping: async () => {
          done.push('ping');
          return {};
        },
        plan: async () => planOf(async function* () {}),
        reset: async () => void done.push('reset'),
      },
      { reset: true },
    );
    const { use } = await openOn(source, place);
    await use.ping(call());
    await rowsOf(await use.read(read, call()));
    await use.ping(call());
    await rowsOf(await use.read({ target: { query: 'x' }, batchRows: 1 }, call()));
    expect(done).toEqual(['ping', 'ping']);
    await use.ping(call());
    await use.ping(call());
    expect(done).toEqual(['ping', 'ping', 'reset', 'ping', 'ping']);
    await use.close();
  });

  it('fails translated, and leaves the session usable', async () => {
    const fail = async () => {
      throw new Error('native words');
    };
    const { use, network } = await openOn(withSocket({ browse: fail }), place);
    const failure = await failing(use.browse({ path: [], limit: 1 }, call()));
    expect(failure).toEqual({ kind: 'protocol_error', message: 'The driver failed.' });
    expect(use.isBroken()).toBe(false);
    await use.ping(call());
    expect(network.openSockets()).toBe(1);
    await use.close();
  });

  it('cuts off a server that a guard has found to violate its protocol', async () => {
    const fail = async () => {
      throw new Error('driver', { cause: new ProtocolViolation('protocol_error', 'A wrong frame.') });
    };
    const { use, network } = await openOn(withSocket({ ping: fail }), place);
    expect((await failing(use.ping(call()))).message).toBe('A wrong frame.');
    expect(use.isBroken()).toBe(true);
    expect(await network.idle(atOnceMs)).toBe(true);
    await use.close();
  });
});

describe.concurrent('rows', () => {
  it('end once, though the driver ends them twice', async () => {
    const { use } = await openOn(sourceOf(endsTwice), place);
    const { batches } = await use.read(read, call());
    const iterator = batches[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: { rows: [[1]] } });
    for (let round = 0; round < 3; round += 1) expect((await iterator.next()).done).toBe(true);
    await iterator.return?.();
    expect(use.isBroken()).toBe(false);
    await use.ping(call());
    await use.close();
  });

  it('of a read that was left never arrive in the next one', async () => {
    const { use } = await openOn(
      sourceOf(() => answersLate(100)),
      place,
    );
    const first = (await use.read(read, call())).batches[Symbol.asyncIterator]();
    expect((await first.next()).value).toEqual({ rows: [[1]] });
    const pending = failing(first.next());
    await first.return?.();
    expect((await pending).kind).toBe('cancelled');
    expect((await first.next()).done).toBe(true);
    expect(use.isBroken()).toBe(false);
    const second = (await use.read(read, call())).batches[Symbol.asyncIterator]();
    for (let pulls = 0; pulls < 3; pulls += 1) expect((await second.next()).value).toEqual({ rows: [[2]] });
    await use.close();
  });

  it.each([false, true])(
    'that their reader leaves are stopped in order, one pending: %s',
    async (isPending) => {
      const done: string[] = [];
      const plan = async (_: unknown, { signal }: { signal: AbortSignal }) => {
        let stop = () => {};
        signal.addEventListener('abort', () => done.push('signal'));
        const rows = endless();
        let pulls = 0;
        const next = async () => {
          pulls += 1;
          if (isPending && pulls > 1)
            await new Promise<void>((resolve) => {
              stop = resolve;
            });
          return rows.next();
        };
        const leave = async () => {
          done.push('return');
          stop();
          return { done: true as const, value: undefined };
        };
        return planOf(() => ({ [Symbol.asyncIterator]: () => ({ next, return: leave }) }), {
          close: async () => void done.push('close'),
        });
      };
      const cancel = async () => void done.push('cancel');
      const { use } = await openOn(withSocket({ plan, cancel }, { cancel: 'at-source' }), place);
      const iterator = (await use.read(read, call())).batches[Symbol.asyncIterator]();
      await iterator.next();
      const pending = isPending ? failing(iterator.next()) : undefined;
      await turn();
      expect((await timed(Promise.resolve(iterator.return?.()))).ms).toBeLessThan(atOnceMs);
      await pending;
      expect(done).toEqual(['signal', 'cancel', 'return', 'close']);
      expect(use.isBroken()).toBe(false);
      await use.ping(call());
      await use.close();
    },
  );

  it('whose plan arrives after the call has ended are closed', async () => {
    let closed = false;
    const plan = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      await untilEnded(signal).catch(() => undefined);
      return planOf(endless, {
        async close() {
          closed = true;
        },
      });
    };
    const { use } = await openOn(withSocket({ plan }), place);
    const { options, end } = endable();
    const failure = failing(use.read(read, options));
    await turn();
    end();
    expect((await failure).kind).toBe('cancelled');
    await use.ping(call());
    expect(closed).toBe(true);
    await use.close();
  });

  it.each<['cancel' | 'return' | 'close']>([['cancel'], ['return'], ['close']])(
    'whose driver never ends its %s are cut off after a second',
    async (what) => {
      const rows = (): AsyncIterator<never> => ({
        next: never,
        return: what === 'return' ? never : (undefined as never),
      });
      const plan = async () =>
        planOf(() => ({ [Symbol.asyncIterator]: what === 'close' ? endless : rows }), {
          close: what === 'close' ? never : async () => undefined,
        });
      const cancel = what === 'cancel' ? never : async () => undefined;
      const { use, network } = await openOn(withSocket({ plan, cancel }, { cancel: 'at-source' }), place);
      const iterator = (await use.read(read, call())).batches[Symbol.asyncIterator]();
      const pending = what === 'close' ? iterator.next() : failing(iterator.next());
      if (what === 'close') await pending;
      const { ms } = await timed(Promise.resolve(iterator.return?.()));
      expect(ms).toBeGreaterThan(900);
      expect(ms).toBeLessThan(2_000);
      expect(use.isBroken()).toBe(true);
      expect(await network.idle(atOnceMs)).toBe(true);
      expect((await failing(use.ping(call()))).message).toBe('The session is closed.');
      await use.close();
    },
  );
});

describe.concurrent('the end of a call', () => {
  it('rejects at once, and leaves the session usable when its driver stops', async () => {
    const ping = ({ signal }: { signal: AbortSignal }) => untilEnded(signal);
    const { use, network } = await openOn(withSocket({ ping }), place);
    const { options, end } = endable();
    const failure = failing(use.ping(options));
    await turn();
    end(new ConnectorError('quota_exceeded', 'The reason.'));
    expect(await failure).toEqual({ kind: 'quota_exceeded', message: 'The reason.' });
    // The next work waits until the source has stopped.
    expect(await use.browse({ path: [], limit: 1 }, call())).toEqual({ items: [] });
    expect(use.isBroken()).toBe(false);
    expect(network.openSockets()).toBe(1);
    await use.close();
  });

  it('does not begin work', async () => {
    const { use } = await openOn(sourceOf(neverEnds), place);
    expect((await failing(use.ping({ signal: AbortSignal.abort() }))).kind).toBe('cancelled');
    await use.close();
  });

  it('cuts off a driver that never ends, a second later', async () => {
    const { use, network } = await openOn(withSocket({ ping: never }), place);
    const { options, end } = endable();
    const failure = failing(use.ping(options));
    await turn();
    end();
    expect((await timed(failure)).ms).toBeLessThan(atOnceMs);
    expect(network.openSockets()).toBe(1);
    const { result, ms } = await timed(failing(use.ping(call())));
    expect(ms).toBeGreaterThan(900);
    expect(result).toEqual({ kind: 'unreachable', message: 'The session is closed.' });
    expect(use.isBroken()).toBe(true);
    expect(await network.idle(atOnceMs)).toBe(true);
    await use.close();
  });

  it('ends a read between two pulls, and what its last batch was cut into', async () => {
    const plan = async () =>
      planOf(async function* () {
        yield { rows: [[1], [2], [3]] };
        await never();
      });
    const { use } = await openOn(withSocket({ plan }), place);
    const { options, end } = endable();
    const iterator = (await use.read({ ...read, batchRows: 1 }, options)).batches[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toEqual({ rows: [[1]] });
    end(new DOMException('late', 'TimeoutError'));
    expect((await failing(iterator.next())).kind).toBe('timeout');
    expect((await iterator.next()).done).toBe(true);
    await use.close();
  });

  it('counts the batches of a read into its timeout', async () => {
    const { use } = await openOn(sourceOf(wellBehaved), place);
    const stream = await use.read(read, call({ timeoutMs: 50 }));
    expect((await failing(rowsOf(stream))).kind).toBe('timeout');
    await use.close();
  });
});

describe.concurrent('the end of the session', () => {
  it('rejects what runs, and destroys its sockets at once', async () => {
    const { use, network, endSession } = await openOn(withSocket({ ping: never }), place);
    const failure = failing(use.ping(call()));
    await turn();
    endSession();
    expect((await timed(failure)).ms).toBeLessThan(atOnceMs);
    expect((await failure).kind).toBe('cancelled');
    expect(await network.idle(atOnceMs)).toBe(true);
    expect(use.isBroken()).toBe(true);
    expect((await failing(use.ping(call()))).kind).toBe('cancelled');
    await use.close();
  });

  it('destroys the sockets of an idle session, and ends a read', async () => {
    const idle = await openOn(withSocket({}), place);
    idle.endSession();
    expect(await idle.network.idle(atOnceMs)).toBe(true);
    const reading = await openOn(withSocket({}), place);
    const stream = await reading.use.read(read, call());
    reading.endSession();
    expect((await failing(rowsOf(stream))).kind).toBe('cancelled');
    expect(await reading.network.idle(atOnceMs)).toBe(true);
  });

  it('first tells a source that must be told to stop, over the session’s own network', async () => {
    let told = false;
    const source = sourceOf(
      async ({ network }, { host, port }) => ({
        ...wellBehaved(),
        ping: never,
        async cancel() {
          const socket = network.socket({ host, port });
          await new Promise((resolve) => socket.once('connect', resolve));
          told = true;
        },
      }),
      { cancel: 'at-source' },
    );
    const { use, network, endSession } = await openOn(source, place);
    const failure = failing(use.ping(call()));
    await turn();
    endSession();
    expect((await timed(failure)).ms).toBeLessThan(atOnceMs);
    expect((await timed(use.close())).ms).toBeLessThan(2_000);
    expect(told).toBe(true);
    expect(network.openSockets()).toBe(0);
  });

  it('while it opens leaves nothing, and a session that opens later is closed', async () => {
    let closed = false;
    const controller = new AbortController();
    const source = sourceOf(async ({ network }, { host, port }) => {
      network.socket({ host, port }).on('error', () => undefined);
      controller.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return {
        ...wellBehaved(),
        async close() {
          closed = true;
        },
      };
    });
    const opening = openOn(source, place, { signal: controller.signal });
    expect((await failing(opening)).kind).toBe('cancelled');
    await expect.poll(() => closed).toBe(true);
  });
});

describe.concurrent('a stray error', () => {
  /** What a process handler does, called where the driver's code runs. */
  const straying = () => {
    let stray: (error: unknown) => boolean = () => false;
    const source = withSocket({
      ping: () => {
        stray = AsyncResource.bind(strayed);
        return never();
      },
    });
    return { source, stray: (error: unknown) => stray(error) };
  };

  it('ends its session, and reports it', async () => {
    const { source, stray } = straying();
    const seen: unknown[] = [];
    const { use, network } = await openOn(source, place, { onStray: (error) => seen.push(error) });
    const failure = failing(use.ping(call()));
    await turn();
    const error = new Error('stray');
    expect(stray(error)).toBe(true);
    expect(await failure).toEqual({
      kind: 'crashed',
      message: 'The driver failed; its session was ended.',
    });
    expect(seen).toEqual([error]);
    expect(use.isBroken()).toBe(true);
    expect(await network.idle(atOnceMs)).toBe(true);
    expect((await failing(use.ping(call()))).message).toBe('The session is closed.');
    await use.close();
    expect(stray(error)).toBe(true);
    expect(seen).toHaveLength(2);
  });

  it('of nobody is not taken', () => {
    expect(strayed(new Error('of the process'))).toBe(false);
  });
});

describe.concurrent('close', () => {
  it('says goodbye, leaves no socket, and may be called again', async () => {
    let goodbyes = 0;
    const close = async () => {
      goodbyes += 1;
    };
    const { use, network } = await openOn(withSocket({ close }), place);
    expect((await timed(use.close())).ms).toBeLessThan(atOnceMs);
    await use.close();
    expect(goodbyes).toBe(1);
    expect(network.openSockets()).toBe(0);
  });

  it('waits a second for a driver that never ends its goodbye', async () => {
    const { use, network } = await openOn(withSocket({ close: never }), place);
    const { ms } = await timed(use.close());
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(2_000);
    expect(network.openSockets()).toBe(0);
  });

  it('ends what runs', async () => {
    const { use, network } = await openOn(withSocket({ ping: ({ signal }) => untilEnded(signal) }), place);
    const failure = failing(use.ping(call()));
    await turn();
    await use.close();
    expect(await failure).toEqual({ kind: 'cancelled', message: 'The session was closed.' });
    expect(network.openSockets()).toBe(0);
  });
});
