import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { allBatches, CLOSE_MS_MAX, failureOf, type TestSession } from '../../suite/bench.js';
import {
  DOUBLE,
  failure,
  greeting,
  ok,
  packet,
  prepared,
  turnsOf,
  VAR_STRING,
  wantFile,
} from '../../suite/mysql-server.js';
import { hostileSessions, password } from './__fixtures__/hostile-session.js';

const LOCAL_FILES = 0x80;
const MULTI_STATEMENTS = 0x10000;

/** Lets a client in, gives the answers in order to its commands, and the last one to all that follow. */
function scripted(answers: readonly Buffer[]) {
  return turnsOf((turn, socket) => {
    const answer = turn === 0 ? ok(2) : answers[Math.min(turn, answers.length) - 1];
    if (answer) socket.write(answer);
  });
}

const file = '/etc/hostname';
const content = readFileSync(file, 'utf8').trim();

const { against } = hostileSessions();

describe('mysql, against a hostile or broken server', () => {
  it('D04, D05: offers neither LOCAL INFILE nor several statements', async () => {
    const made = await against(scripted([ok(1)]));
    const session = await made.bench.open(made.input);
    await session.close();
    const capabilities = made.server.received().readUInt32LE(4);
    expect(capabilities & LOCAL_FILES).toBe(0);
    expect(capabilities & MULTI_STATEMENTS).toBe(0);
  });

  const use = {
    read: (session: TestSession) => session.read({ query: 'select 1', batchRows: 1 }).then(allBatches),
    browse: (session: TestSession) => session.browse({ path: [], limit: 5 }),
    ping: (session: TestSession) => session.ping(),
  };
  it.each([
    ['the set-up of the session', [wantFile(file)], use.ping],
    ['its second part', [ok(1), wantFile(file)], use.ping],
    ['a ping', [ok(1), ok(1), wantFile(file)], use.ping],
    ['browsing', [ok(1), ok(1), wantFile(file)], use.browse],
    ['browsing, once prepared', [ok(1), ok(1), prepared(VAR_STRING), wantFile(file)], use.browse],
    ['the begin of a read', [ok(1), ok(1), wantFile(file)], use.read],
    ['the preparation of a read', [ok(1), ok(1), ok(1), wantFile(file)], use.read],
    ['the execution of a read', [ok(1), ok(1), ok(1), prepared(VAR_STRING), wantFile(file)], use.read],
    ['a read in binary', [ok(1), ok(1), ok(1), prepared(DOUBLE), wantFile(file)], use.read],
  ] as const)(
    'D04: sends no byte of a file that the server asks for in answer to %s',
    async (_title, answers, work) => {
      const made = await against(scripted(answers));
      const signal = AbortSignal.timeout(2_000);
      const opening = made.bench.open(made.input, signal);
      const worked = opening.then(async (session) => {
        try {
          await work(session);
        } finally {
          await session.close();
        }
      });
      const outcome = await worked.catch((error: unknown) => error);
      // A ping has no answer in which a file could be asked for; the driver takes any packet as a sign of life.
      if (work !== use.ping || answers.length < 3) expect(outcome).toBeInstanceOf(Error);
      const received = made.server.received().toString('latin1');
      expect(received).not.toContain(content);
      expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
    },
  );

  it('D22: sends no login when the server, or a man in the middle, offers no TLS', async () => {
    for (const sslmode of ['require', 'verify-full']) {
      const made = await against(scripted([ok(1)]), sslmode);
      expect((await failureOf(made.bench.open(made.input))).kind).toBe('tls_failed');
      expect(made.server.received().toString('latin1')).not.toMatch(/alice|canary/);
      expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
      await made.server.close();
    }
  });

  it('sends no password in clear text when the server asks for it', async () => {
    const made = await against((socket) => {
      socket.write(greeting());
      socket.once('data', () => socket.write(packet(2, [0xfe], 'mysql_clear_password\0')));
    });
    expect((await failureOf(made.bench.open(made.input))).kind).toBe('unsupported');
    expect(made.server.received().toString('latin1')).not.toContain(password);
  });

  it('D20: gives up on a silent server when the deadline passes, and leaves no socket', async () => {
    for (const serve of [() => undefined, (socket: Socket) => socket.write(greeting())]) {
      const made = await against(serve);
      expect((await failureOf(made.bench.open(made.input, AbortSignal.timeout(200)))).kind).toBe('timeout');
      expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
      await made.server.close();
    }
  });

  it('D23: does not repeat the text of the server', async () => {
    const made = await against(scripted([ok(1), ok(1), failure(`\u001b[31m<b>${password}</b>\r\nX: 1`)]));
    const session = await made.bench.open(made.input);
    const error = await failureOf(session.read({ query: 'select 1', batchRows: 1 }));
    await session.close();
    expect(error.kind).toBe('invalid_query');
    expect(error.message).not.toMatch(/canary|<b>|\p{Cc}/u);
  });

  it('answers garbage with an error, not a crash', async () => {
    const made = await against((socket) => socket.end('SSH-2.0-banner-secret\r\n'.repeat(50)));
    const error = await failureOf(made.bench.open(made.input, AbortSignal.timeout(2_000)));
    expect(error.message).not.toContain('banner');
    expect(await made.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
  });
});
