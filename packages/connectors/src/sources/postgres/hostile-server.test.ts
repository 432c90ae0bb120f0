import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectorInput } from '../../spec/connector.js';
import { Bench, CLOSE_MS_MAX, expectNoSecrets, failureOf } from '../../suite/bench.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { connector } from './connector.js';

const password = 'canary-hostile-93ab';

/** A message of the server: type, length, body. Source: PostgreSQL documentation, "Message Formats". */
function message(type: string, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

const askPassword = message('R', Buffer.from([0, 0, 0, 3]));
const failure = (state: string, text: string) => message('E', `SFATAL\0C${state}\0M${text}\0\0`);

let server: FakeServer | undefined;
let bench: Bench | undefined;
afterEach(async () => {
  bench?.network.close();
  await server?.close();
});

async function against(serve: Parameters<typeof startFakeServer>[0], sslmode: string) {
  server = await startFakeServer(serve);
  const input: ConnectorInput = {
    properties: { host: server.host, port: server.port, db: 'shop', sslmode },
    login: { signIn: 'password', fields: { username: 'alice', password } },
  };
  bench = new Bench(connector, { good: input });
  return { server, bench, input };
}

describe('postgres, against a server that means harm or is broken', () => {
  it('D22: sends no password when TLS is refused or stripped', async () => {
    for (const answer of ['N', 'E', 'SX', '']) {
      const made = await against((socket) => {
        socket.once('data', () => (answer === '' ? socket.end() : socket.write(answer)));
      }, 'verify-full');
      const error = await failureOf(made.bench.open(made.input));
      expect(error.kind).toBe(answer === '' ? 'unreachable' : 'tls_failed');
      expect(made.server.received().toString('latin1')).not.toMatch(/canary|alice/);
      expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
      await made.server.close();
    }
  });

  it('D20: gives up on a silent server when the deadline passes, and leaves no socket', async () => {
    for (const sslmode of ['disable', 'verify-full']) {
      const made = await against(() => undefined, sslmode);
      const error = await failureOf(made.bench.open(made.input, AbortSignal.timeout(200)));
      expect(error.kind).toBe('timeout');
      expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
      await made.server.close();
    }
  });

  it('D23: repeats nothing of what the server says', async () => {
    const text = `\u001b[31m<b>${password}</b>\r\nX: 1 ${'x'.repeat(1_000_000)}`;
    const made = await against((socket) => {
      socket.once('data', () => socket.write(failure('28P01', text)));
    }, 'disable');
    const error = await failureOf(made.bench.open(made.input));
    expect(error.kind).toBe('auth_failed');
    expect(error.message.length).toBeLessThan(200);
    expect(error.message).not.toMatch(/canary|<b>|\p{Cc}/u);
  });

  it('names an unknown failure without its text', async () => {
    const made = await against((socket) => {
      socket.once('data', () => socket.write(failure('ZZ999', 'secret internals')));
    }, 'disable');
    const error = await failureOf(made.bench.open(made.input));
    expect([error.kind, error.nativeCode]).toEqual(['protocol_error', 'ZZ999']);
    expect(error.message).not.toContain('internals');
  });

  it('takes neither login nor start-up settings from the environment', async () => {
    const kept = { ...process.env };
    for (const name of [
      'PGPASSWORD',
      'PGOPTIONS',
      'PGAPPNAME',
      'PGREPLICATION',
      'PGUSER',
      'PGSSLNEGOTIATION',
    ]) {
      process.env[name] = 'environment';
    }
    try {
      const made = await against((socket) => {
        socket.once('data', () => {
          socket.write(askPassword);
          socket.once('data', () => socket.write(failure('28P01', 'no')));
        });
      }, 'disable');
      const error = await failureOf(made.bench.open(made.input));
      expect(error.kind).toBe('auth_failed');
      expectNoSecrets(error, [password]);
      const sent = made.server.received().toString('latin1');
      expect(sent).toContain('user\0alice\0database\0shop\0application_name\0mooring\0');
      expect(sent).toContain(password);
      expect(sent).not.toContain('environment');
      expect(inspect(error, { depth: 12 })).not.toContain('environment');
    } finally {
      process.env = kept;
    }
  });

  it('answers garbage with an error, not a crash', async () => {
    const made = await against((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nX-Secret: banner-secret\r\n\r\n'));
    }, 'disable');
    const error = await failureOf(made.bench.open(made.input, AbortSignal.timeout(2_000)));
    expect(error.message).not.toContain('banner');
    expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
  });
});
