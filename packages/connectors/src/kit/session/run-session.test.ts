import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { answersLate, endless, endsTwice, neverEnds, planOf, sourceOf } from '../../suite/hostile-driver.js';
import { ProtocolViolation } from '../frame-guard.js';
import {
  atOnceMs,
  call,
  endable,
  failing,
  never,
  openOn,
  read,
  rowsOf,
  timed,
  turn,
  untilEnded,
  withSocket,
} from './test-stand.js';

// Row by row, the states of a session. Grace is one second, so the tests run side by side.

let place: FakeServer;
beforeAll(async () => {
  place = await startFakeServer(() => undefined);
});
afterAll(() => place.close());

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
    await turn();
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
      expect((await iterator.next()).done).toBe(true);
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
