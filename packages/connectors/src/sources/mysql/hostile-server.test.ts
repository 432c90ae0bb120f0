import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectorInput, Session } from '../../spec/connector.js';
import { allBatches, Bench, CLOSE_MS_MAX, failureOf } from '../../suite/bench.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { connector } from './connector.js';

const password = 'canary-hostile-71cd';
const LOCAL_FILES = 0x80;
const MULTI_STATEMENTS = 0x10000;
/** Protocol 4.1, plug-in sign-in, transactions; neither TLS nor anything that shortens the exchange. */
const CAPABILITIES = 0x0008_a208;

/** A packet of the protocol: length, sequence, payload. Source: MySQL manual, "MySQL Packets". */
function packet(sequence: number, ...payload: (Buffer | string | number[])[]): Buffer {
  const body = Buffer.concat(payload.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

function greeting(): Buffer {
  const low = [CAPABILITIES & 0xff, (CAPABILITIES >> 8) & 0xff];
  const high = [(CAPABILITIES >> 16) & 0xff, (CAPABILITIES >> 24) & 0xff];
  const salt = Buffer.alloc(20, 7);
  const zeros = new Array<number>(10).fill(0);
  const parts = [
    [10],
    '8.0.0-fake\0',
    [1, 0, 0, 0],
    salt.subarray(0, 8),
    [0],
    low,
    [45, 2, 0],
    high,
    [21],
    zeros,
  ];
  return packet(0, ...parts, salt.subarray(8), [0], 'mysql_native_password\0');
}

const ok = (sequence: number) => packet(sequence, [0, 0, 0, 2, 0, 0, 0]);
const failure = (text: string) => packet(1, [0xff, 0x28, 0x04], '#42000', text);
const wantFile = (path: string) => packet(1, [0xfb], path);
const endOfFields = (sequence: number) => packet(sequence, [0xfe, 0, 0, 2, 0]);
const column = (sequence: number, type: number) =>
  packet(sequence, [3], 'def', [0, 0, 0, 1], 'a', [0, 12, 45, 0, 10, 0, 0, 0, type, 0, 0, 0, 0, 0]);
const prepared = (type: number) =>
  Buffer.concat([packet(1, [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), column(2, type), endOfFields(3)]);
/** Types of columns: one whose rows travel in binary, one whose rows travel as text. */
const DOUBLE = 5;
const VAR_STRING = 253;

/** Lets a client in, gives the answers in order to its commands, and the last one to all that follow. */
function scripted(answers: readonly Buffer[]) {
  return (socket: Socket) => {
    socket.write(greeting());
    socket.once('data', () => {
      socket.write(ok(2));
      let count = 0;
      socket.on('data', () => {
        const answer = answers[Math.min(count, answers.length - 1)];
        count += 1;
        if (answer) socket.write(answer);
      });
    });
  };
}

let server: FakeServer | undefined;
let bench: Bench | undefined;
afterEach(async () => {
  bench?.network.close();
  await server?.close();
});

async function against(serve: (socket: Socket) => void, sslmode = 'disable') {
  server = await startFakeServer(serve);
  const input: ConnectorInput = {
    properties: { host: server.host, port: server.port, sslmode },
    login: { signIn: 'password', fields: { username: 'alice', password } },
  };
  bench = new Bench(connector, { good: input });
  return { server, bench, input };
}

const file = '/etc/hostname';
const content = readFileSync(file, 'utf8').trim();

describe('mysql, against a server that means harm or is broken', () => {
  it('D04, D05: offers neither LOCAL INFILE nor several statements', async () => {
    const made = await against(scripted([ok(1)]));
    const session = await made.bench.open(made.input);
    await session.close();
    const capabilities = made.server.received().readUInt32LE(4);
    expect(capabilities & LOCAL_FILES).toBe(0);
    expect(capabilities & MULTI_STATEMENTS).toBe(0);
  });

  const use = {
    read: (session: Session) => session.read({ query: 'select 1', batchRows: 1 }).then(allBatches),
    browse: (session: Session) => session.browse({ path: [], limit: 5 }),
    ping: (session: Session) => session.ping(),
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

  it('D22: sends no login when the server, or somebody between, offers no TLS', async () => {
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

  it('D23: repeats nothing of what the server says', async () => {
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
