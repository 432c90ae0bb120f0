import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { createServer as createTlsServer, type Server } from 'node:tls';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectorError } from '../interface/errors.js';
import { createDirectNetwork, type DirectNetwork } from '../suite/direct-network.js';
import { type FakeServer, startFakeServer } from '../suite/fake-server.js';
import { openRelay, type Relay } from './relay.js';
import { tlsDemands } from './tls.js';

const size = 12_000_000;
let echo: FakeServer;
let network: DirectNetwork;
let session: AbortController;
/** The source's side of each connection. */
let served: Socket[] = [];

beforeAll(async () => {
  echo = await startFakeServer((socket) => {
    served.push(socket);
    socket.on('data', (bytes) => {
      if (String(bytes) === 'flood and end') socket.end(Buffer.alloc(size, 'x'));
      else if (String(bytes) === 'break') socket.resetAndDestroy();
      else socket.write(bytes);
    });
  });
});
afterAll(() => echo.close());
beforeEach(() => {
  served = [];
  network = createDirectNetwork();
  session = new AbortController();
});
afterEach(() => {
  session.abort();
  network.close();
});

const relayTo = (target: { host: string; port: number }, ...tls: Parameters<typeof tlsDemands> | []) =>
  openRelay(target, { network, signal: session.signal }, tls.length ? tlsDemands(...tls) : undefined);

/** A connection of this process. It may be closed at once. */
const dial = ({ host, port }: Relay) => connect({ host, port }).on('error', () => undefined);

const said = async (socket: Socket, text: string): Promise<string> => {
  socket.write(text);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return String(bytes);
};

const closed = (socket: Socket) => (socket.closed ? undefined : once(socket, 'close'));

/** Why a connection to the port fails; undefined if something listens there. */
const refusalAt = async (port: number): Promise<unknown> => {
  const socket = connect(port, '127.0.0.1');
  const failure = await new Promise((resolve) =>
    socket.once('error', resolve).once('connect', () => resolve(undefined)),
  );
  socket.destroy();
  return failure && Reflect.get(failure as object, 'code');
};

const leavesNothing = async ({ port }: Relay) => {
  expect(await network.idle(500)).toBe(true);
  expect(await refusalAt(port)).toBe('ECONNREFUSED');
};

describe('a driver that takes no socket', () => {
  let lab: LabPostgres;
  beforeAll(async () => {
    lab = await startPostgres({ rowsInBig: 100_000 });
  });
  afterAll(() => lab.close());

  it.each([
    ['in clear text', false],
    ['with TLS of its own', true],
  ])('reads through the gate, %s, and leaves nothing', async (_, isSecure) => {
    const relay = await relayTo(lab);
    const client = new pg.Client({
      host: relay.host,
      port: relay.port,
      database: lab.database,
      ...lab.roles.reader,
      ssl: isSecure ? { ca: lab.ca } : false,
    });
    await client.connect();
    const { rows } = await client.query('select id from sales.big');
    expect(rows.length).toBe(100_000);
    await client.end();
    session.abort();
    await leavesNothing(relay);
    expect(network.dialled).toEqual([`127.0.0.1:${lab.port}`]);
  });
});

describe('the relay takes one connection of this process', () => {
  it('and closes a second one unread', async () => {
    const relay = await relayTo(echo);
    const driver = dial(relay);
    expect(await said(driver, 'hello')).toBe('hello');
    const second = dial(relay);
    second.write('login of someone');
    await closed(second);
    expect(await said(driver, 'again')).toBe('again');
    expect(String(echo.received())).not.toContain('login of someone');
  });

  it('and none of another process, even if that comes first', async () => {
    const relay = await relayTo(echo);
    const program = `
      const socket = require('node:net').connect(${relay.port}, '127.0.0.1', () => socket.write('stranger'));
      socket.on('error', () => undefined).resume();`;
    const stranger = spawn(process.execPath, ['--eval', program], { stdio: 'ignore' });
    expect(await once(stranger, 'exit')).toEqual([0, null]);
    expect(await said(dial(relay), 'hello')).toBe('hello');
    expect(String(echo.received())).not.toContain('stranger');
  });

  it('and holds its port until the session ends, so that a driver that dials again reaches no other process', async () => {
    const relay = await relayTo(echo);
    const driver = dial(relay);
    await said(driver, 'hello');
    served[0]?.destroy();
    await closed(driver);
    expect(await refusalAt(relay.port)).toBe(undefined);
    session.abort();
    await leavesNothing(relay);
  });

  it('in time: then the source is left, and no connection is served any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const relay = await relayTo(echo);
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    expect(await network.idle(500)).toBe(true);
    const late = dial(relay);
    await closed(late);
    session.abort();
    await leavesNothing(relay);
  });
});

describe('what happens to one side happens to the other', () => {
  it('all bytes arrive when the source ends in order', async () => {
    const relay = await relayTo(echo);
    const driver = dial(relay);
    driver.write('flood and end');
    let bytes = 0;
    // Slower than the source, which is gone before its last bytes are read.
    for await (const chunk of driver) {
      bytes += (chunk as Buffer).length;
      for (let turns = 0; turns < 5; turns += 1) await setImmediate();
    }
    expect(bytes).toBe(size);
    expect(await network.idle(500)).toBe(true);
  });

  it.each([
    ['broken by it', (driver: Socket) => driver.write('break')],
    ['closed on this side', () => network.close()],
  ])('the driver’s connection breaks with the source’s, %s', async (_, end) => {
    const relay = await relayTo(echo);
    const driver = dial(relay);
    await said(driver, 'hello');
    end(driver);
    await closed(driver);
    expect(await network.idle(500)).toBe(true);
  });

  it.each(['destroy', 'resetAndDestroy'] as const)(
    'the source is left when the driver leaves by %s',
    async (leave) => {
      const relay = await relayTo(echo);
      const driver = dial(relay);
      await said(driver, 'hello');
      driver[leave]();
      expect(await network.idle(500)).toBe(true);
    },
  );

  it('both end with the session, connected or not', async () => {
    const [used, unused] = [await relayTo(echo), await relayTo(echo)];
    const driver = dial(used);
    await said(driver, 'hello');
    session.abort();
    await closed(driver);
    await leavesNothing(used);
    await leavesNothing(unused);
    await expect(relayTo(echo)).rejects.toMatchObject({ kind: 'cancelled' });
  });

  it('a driver that does not hang up is cut off at the end of the session', async () => {
    const relay = await relayTo(echo);
    const driver = connect({ host: relay.host, port: relay.port, allowHalfOpen: true });
    driver.on('error', () => undefined).write('flood and end');
    await once(driver.resume(), 'end');
    session.abort();
    const isCut = () => {
      driver.write('more');
      return driver.closed;
    };
    await expect.poll(isCut).toBe(true);
  });
});

describe('the far side is decided here', () => {
  const authority = createCertificateAuthority();
  let server: Server;
  let secure: { host: string; port: number };
  beforeAll(async () => {
    server = createTlsServer(authority.issue(['localhost']), (socket) => socket.pipe(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    secure = { host: 'localhost', port };
  });
  afterAll(() => server.close());
  const trusted = [{ name: 'ca.pem', value: authority.ca }];

  it('with TLS that the driver does not see', async () => {
    const relay = await relayTo(secure, 'verify-full', trusted);
    const driver = dial(relay);
    expect(await said(driver, 'hello')).toBe('hello');
    driver.end();
    await closed(driver);
    expect(await network.idle(500)).toBe(true);
  });

  it.each([
    [
      'an authority that is not trusted',
      'localhost',
      'verify-ca',
      undefined,
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['another name', '127.0.0.1', 'verify-full', trusted, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const)(
    'a certificate of %s is refused before the driver dials',
    async (_, host, mode, files, code) => {
      await expect(relayTo({ ...secure, host }, mode, files && [...files])).rejects.toMatchObject({ code });
      expect(await network.idle(500)).toBe(true);
    },
  );

  it('a target that the gate refuses is refused as the gate does', async () => {
    const refused = new ConnectorError('egress_refused', 'This address is not allowed.');
    const socket = () => {
      const made = network.socket(echo);
      made.destroy(refused);
      return made;
    };
    const gate = { ...network, socket };
    await expect(openRelay(echo, { network: gate, signal: session.signal })).rejects.toMatchObject({
      kind: 'egress_refused',
    });
  });
});
