import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { failureOf, listen, rejectionOf, startCanary } from './__fixtures__/canary.js';
import { assertRefused, buildGate, knock } from './__fixtures__/doors.js';

const noLookup = () => Promise.reject(new Error('It was looked up.'));

describe('a gate that denies loopback', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'db.localhost',
    'localhost.',
    '127.0.0.1',
    '127.0.0.2',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0.0.0.0',
    '0',
    '127.0.0.1.',
    '[::]',
    '[::1]',
    '::1',
    '::',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '::ffff:127.0.0.1',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[0:0:0:0:0:0:0:1]',
    '１２７.０.０.１',
    '127。0。0。1',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'user@127.0.0.1',
    'user:secret@127.0.0.1',
    '%00',
    '127.0.0.1%00',
    '%31%32%37.0.0.1',
    '/127.0.0.1',
    '[fe80::1%25lo]',
    '',
  ])('S01: never connects to %j through any door', async (host) => {
    await using canary = await startCanary();
    const gate = buildGate({ lookup: noLookup });
    assertRefused(await knock(gate, host, canary.port));
    expect(canary.connections()).toBe(0);
    expect(gate.counts().connected).toBe(0);
  });

  it.each([
    '169.254.169.254',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    'metadata.google.internal',
    '100.100.100.200',
    '168.63.129.16',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::]',
    '[::ffff:169.254.169.254]',
  ])('S02: refuses %s within 100 ms, unasked and unopenable', async (host) => {
    const gate = buildGate({ lookup: noLookup, loopback: 'allow', allow: ['0.0.0.0/0', '::/0'] });
    // The fastest of several attempts: the time on a busy machine says nothing about the gate.
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now();
      assertRefused(await knock(gate, host, 80));
      times.push(performance.now() - start);
    }
    expect(Math.min(...times)).toBeLessThan(100);
    expect(gate.counts().refused.metadata).toBe(35);
  });

  it('counts a refusal and reports the reason to the operator, without the host', async () => {
    const events: unknown[] = [];
    const gate = buildGate({ onRefused: (event) => events.push(event) });
    await rejectionOf(gate.dial({ host: '10.0.0.1', port: 5432 }));
    await rejectionOf(gate.fetch('ftp://10.0.0.1/'));
    expect(events).toEqual([
      { reason: 'not_public', port: 5432 },
      { reason: 'scheme', port: 0 },
    ]);
    expect(gate.counts().refused).toMatchObject({ not_public: 1, scheme: 1, loopback: 0 });
  });

  it.each([0, -1, 65_536, 1.5, Number.NaN])('refuses the port %d', async (port) => {
    const gate = buildGate({ loopback: 'allow' });
    assertRefused([await failureOf(gate.socket({ host: '127.0.0.1', port }))]);
  });
});

describe('allowed addresses', () => {
  it('are reached by range and port, the neighbours are not', async () => {
    await using open = await startCanary();
    await using closed = await startCanary();
    const gate = buildGate({ allow: [`127.0.0.0/30:${open.port}`] });
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost']) {
      (await gate.dial({ host, port: open.port })).destroy();
      assertRefused([await rejectionOf(gate.dial({ host, port: closed.port }))]);
    }
    assertRefused([await rejectionOf(gate.dial({ host: '127.0.0.9', port: open.port }))]);
    assertRefused([await rejectionOf(gate.dial({ host: '::1', port: open.port }))]);
    expect(closed.connections()).toBe(0);
    expect(gate.counts().connected).toBe(3);
  });

  it('S12: take the bytes that a driver wrote before the connection stood', async () => {
    const server = createServer((socket) => socket.pipe(socket));
    const { port, stop } = await listen(server);
    const socket = buildGate({ loopback: 'allow' }).socket({ host: '127.0.0.1', port });
    socket.write('ping');
    const [echo] = await once(socket, 'data');
    expect(String(echo)).toBe('ping');
    socket.destroy();
    await stop();
  });

  it('S12: a driver that connects its socket itself gets the checked destination all the same', async () => {
    await using good = await startCanary();
    await using other = await startCanary();
    const socket = buildGate({ allow: [`127.0.0.1:${good.port}`] }).socket({
      host: '127.0.0.1',
      port: good.port,
    });
    socket.connect(other.port, '127.0.0.1');
    await once(socket, 'connect');
    expect(socket.remotePort).toBe(good.port);
    socket.connect({ port: other.port, host: '127.0.0.1' });
    socket.destroy();
    expect(other.connections()).toBe(0);
  });
});
