import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Canary, failureOf, listen, rejectionOf, startCanary } from './__fixtures__/canary.js';
import { assertRefused, buildGate, knock } from './__fixtures__/doors.js';

describe('names', () => {
  it('S04: connects to the checked answer when a second lookup would get a different one', async () => {
    await using canary = await startCanary();
    const answers = [['127.0.0.2'], ['127.0.0.1']];
    const gate = buildGate({
      allow: [`127.0.0.2:${canary.port}`],
      lookup: async () => answers.shift() ?? [],
    });
    const socket = await gate.dial({ host: 'rebind.example.test', port: canary.port });
    expect(socket.remoteAddress).toBe('127.0.0.2');
    expect(answers).toHaveLength(1);
    socket.destroy();
    assertRefused([await rejectionOf(gate.dial({ host: 'rebind.example.test', port: canary.port }))]);
    expect(canary.connections()).toBe(1);
  });

  it('S04: resolves once per connection, over every door', async () => {
    await using canary = await startCanary();
    let questions = 0;
    const gate = buildGate({
      lookup: async () => {
        questions += 1;
        return questions % 2 === 1 ? ['127.0.0.1'] : ['10.0.0.1'];
      },
    });
    assertRefused(await knock(gate, 'rebind.example.test', canary.port));
    expect(questions).toBe(7);
    expect(canary.connections()).toBe(0);
  });

  it.each([
    [['127.0.0.2', '127.0.0.1']],
    [['127.0.0.2', '::1']],
    [['127.0.0.2', '10.0.0.1']],
    [['127.0.0.2', '::ffff:127.0.0.2']],
    [['127.0.0.2', '169.254.169.254']],
    [['127.0.0.2', 'fe80::1%lo']],
    [['127.0.0.2', 'other.example.test']],
    [['8.8.8.8', '127.0.0.1']],
  ])('S05: refuses a name that answers %j because one of them is denied', async (answers) => {
    await using canary = await startCanary();
    const gate = buildGate({ allow: ['127.0.0.2'], lookup: async () => answers });
    assertRefused(await knock(gate, 'multi.example.test', canary.port));
    assertRefused(
      await knock(
        buildGate({ allow: ['127.0.0.2'], lookup: async () => [...answers].reverse() }),
        'multi.example.test',
        canary.port,
      ),
    );
    expect(canary.connections()).toBe(0);
  });

  it('try the next checked address when one does not answer', async () => {
    const server = createServer((socket) => socket.end('hello'));
    const { port, stop } = await listen(server, '127.0.0.3');
    const lookup = async () => ['127.0.0.2', '::1', '127.0.0.3'];
    const gate = buildGate({ loopback: 'allow', lookup });
    const socket = await gate.dial({ host: 'cluster.example.test', port });
    expect(socket.remoteAddress).toBe('127.0.0.3');
    socket.destroy();
    await stop();
  });

  it('whose first address is dead are reached by the next socket of a driver', async () => {
    const server = createServer((socket) => socket.end('hello'));
    const { port, stop } = await listen(server, '127.0.0.3');
    const gate = buildGate({ loopback: 'allow', lookup: async () => ['127.0.0.2', '127.0.0.3'] });
    const target = { host: 'cluster.example.test', port };
    expect(await failureOf(gate.socket(target))).toMatchObject({ kind: 'unreachable' });
    const [greeting] = await once(gate.socket(target), 'data');
    expect(String(greeting)).toBe('hello');
    await stop();
  });

  it.each([
    ['ENOTFOUND', false],
    ['EAI_AGAIN', true],
  ])('that fail with %s are unreachable, and the name is not repeated', async (code, isRetryable) => {
    const gate = buildGate({
      lookup: () => Promise.reject(Object.assign(new Error('getaddrinfo secret.example.test'), { code })),
    });
    const error = await rejectionOf(gate.dial({ host: 'secret.example.test', port: 443 }));
    expect(error).toMatchObject({ kind: 'unreachable', nativeCode: code, isRetryable });
    expect(error.message).not.toContain('secret');
  });

  it('without any address are unreachable', async () => {
    const gate = buildGate({ lookup: async () => [] });
    expect(await rejectionOf(gate.dial({ host: 'a.example.test', port: 1 }))).toMatchObject({
      kind: 'unreachable',
    });
  });

  it('go to the system when no other resolver is given', async () => {
    const error = await rejectionOf(buildGate().dial({ host: 'nowhere.invalid', port: 1 }));
    expect(error).toMatchObject({ kind: 'unreachable' });
  });
});

/** A listener on 127.0.0.2 that accepts nothing and whose queue is full: what arrives is dropped, as by a firewall. */
async function startDropping() {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ host: '127.0.0.2', port: 0, backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(program, { eval: true });
  const [port] = await once(worker, 'message');
  const fill = [1, 2].map(() => connect(port, '127.0.0.2').on('error', () => undefined));
  await Promise.all(fill.map((socket) => once(socket, 'connect')));
  return {
    port: port as number,
    async [Symbol.asyncDispose]() {
      for (const socket of fill) socket.destroy();
      await worker.terminate();
    },
  };
}

describe('an address that drops what arrives', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const untilTimers = async (count: number) => {
    while (vi.getTimerCount() < count) await new Promise(setImmediate);
  };

  it('is left for the next one after three seconds, and tried last by the next dial', async () => {
    await using dropping = await startDropping();
    const server = createServer((socket) => socket.resume());
    server.listen(dropping.port, '127.0.0.3');
    await once(server, 'listening');
    const gate = buildGate({ loopback: 'allow', lookup: async () => ['127.0.0.2', '127.0.0.3'] });
    const target = { host: 'cluster.example.test', port: dropping.port };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const dialled = gate.dial(target);
    await untilTimers(2);
    vi.advanceTimersByTime(3_000);
    for (const socket of [await dialled, await gate.dial(target)]) {
      expect(socket.remoteAddress).toBe('127.0.0.3');
      socket.destroy();
      await once(socket, 'close');
    }
    expect(vi.getTimerCount()).toBe(0);
    server.close();
  });

  it('has ten seconds where it is the only one', async () => {
    await using dropping = await startDropping();
    const gate = buildGate({ loopback: 'allow' });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stages: string[] = [];
    const dialled = rejectionOf(
      gate.dial({ host: '127.0.0.2', port: dropping.port }, { onStage: (stage) => stages.push(stage) }),
    );
    await untilTimers(1);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(await dialled).toMatchObject({ kind: 'timeout', isRetryable: true });
    expect(stages).toEqual(['name', 'route']);
  });
});

describe('failures', () => {
  it('a closed port is unreachable, with no address in the message', async () => {
    const { port, stop } = await listen(createServer());
    await stop();
    const gate = buildGate({ loopback: 'allow' });
    const errors = await knock(gate, '127.0.0.1', port);
    for (const error of errors) {
      expect(error).toMatchObject({ kind: 'unreachable', nativeCode: 'ECONNREFUSED', isRetryable: true });
      expect(error.message).not.toMatch(/127|\d{3}/);
    }
  });

  it('all addresses of a name closed is unreachable', async () => {
    const { port, stop } = await listen(createServer());
    await stop();
    const gate = buildGate({ loopback: 'allow', lookup: async () => ['127.0.0.1', '127.0.0.2'] });
    const error = await rejectionOf(gate.dial({ host: 'cluster.example.test', port }));
    expect(error).toMatchObject({ kind: 'unreachable', nativeCode: 'ECONNREFUSED' });
  });

  it('D20: a name server that never answers is a timeout', async () => {
    const gate = buildGate({ connectTimeoutMs: 50, lookup: () => new Promise(() => undefined) });
    for (const error of await knock(gate, 'slow.example.test', 443)) {
      expect(error).toMatchObject({ kind: 'timeout', isRetryable: true });
    }
  });

  it('D20: a server that is silent in the TLS handshake is a timeout', async () => {
    await using canary = await startCanary();
    const gate = buildGate({ connectTimeoutMs: 50, loopback: 'allow' });
    const error = await rejectionOf(gate.dial({ host: '127.0.0.1', port: canary.port }, { tls: {} }));
    expect(error).toMatchObject({ kind: 'timeout' });
  });

  it('a reset after the connection stood arrives as unreachable', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { port, stop } = await listen(server);
    const socket = buildGate({ loopback: 'allow' }).socket({ host: '127.0.0.1', port });
    socket.write('x');
    const [error] = await once(socket, 'error').then(
      (values) => values,
      (reason) => [reason],
    );
    expect(error).toMatchObject({ kind: 'unreachable', nativeCode: 'ECONNRESET' });
    await stop();
  });

  it('does not translate the errors with which a driver destroys its own socket', async () => {
    await using canary: Canary = await startCanary();
    const socket = buildGate({ loopback: 'allow' }).socket({ host: '127.0.0.1', port: canary.port });
    await once(socket, 'connect');
    const own = Object.assign(new Error('of the driver'), { code: '28P01' });
    socket.destroy(own);
    expect(await failureOf(socket)).toBe(own);
  });

  it('an aborted dial is cancelled and leaves nothing open', async () => {
    const gate = buildGate({ lookup: () => new Promise(() => undefined) });
    const caller = new AbortController();
    const dialled = rejectionOf(
      gate.dial({ host: 'slow.example.test', port: 443 }, { signal: caller.signal }),
    );
    caller.abort();
    expect(await dialled).toMatchObject({ kind: 'cancelled' });
    expect(
      await rejectionOf(gate.dial({ host: 'slow.example.test', port: 443 }, { signal: AbortSignal.abort() })),
    ).toMatchObject({ kind: 'cancelled' });
  });
});
