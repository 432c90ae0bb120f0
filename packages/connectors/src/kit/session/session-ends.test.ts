import { AsyncResource } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { neverEnds, planOf, sourceOf, wellBehaved } from '../../suite/hostile-driver.js';
import { strayed } from './session-scope.js';
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

// What ends a session, or its work, from outside. Grace is one second, so the tests run side by side.

let place: FakeServer;
beforeAll(async () => {
  place = await startFakeServer(() => undefined);
});
afterAll(() => place.close());

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

  it('first cancels at a source that needs it, over the session’s own network', async () => {
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

  it('that belongs to no session is not taken', () => {
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
