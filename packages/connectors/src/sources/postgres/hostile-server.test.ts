import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CLOSE_MS_MAX, expectNoSecrets, failureOf } from '../../suite/bench.js';
import { failure, message } from '../../suite/postgres-server.js';
import { hostileSessions, password } from './__fixtures__/hostile-session.js';

const askPassword = message('R', Buffer.from([0, 0, 0, 3]));

const { against } = hostileSessions();

describe('postgres, against a hostile or broken server', () => {
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

  it('D23: does not repeat the text of the server', async () => {
    const text = `\u001b[31m<b>${password}</b>\r\nX: 1 ${'x'.repeat(1_000_000)}`;
    const made = await against((socket) => {
      socket.once('data', () => socket.write(failure('28P01', text)));
    }, 'disable');
    const error = await failureOf(made.bench.open(made.input));
    expect(error.kind).toBe('auth_failed');
    expect(error.message.length).toBeLessThan(200);
    expect(error.message).not.toMatch(/canary|<b>|\p{Cc}/u);
  });

  it('reports an unknown failure without its text', async () => {
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
