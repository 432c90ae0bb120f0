import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectorInput, Session } from '../../spec/connector.js';
import { Secret } from '../../spec/secret.js';
import { allBatches, Bench, CLOSE_MS_MAX, failureOf, leaveEarly } from '../../suite/bench.js';
import { type FakeServer, flood, startFakeServer } from '../../suite/fake-server.js';
import {
  BIT,
  column,
  DOUBLE,
  end,
  failure,
  greeting,
  ok,
  packet,
  prepared,
  resultHead,
  TIME,
  textRow,
  turnsOf,
  VAR_STRING,
  wantFile,
} from '../../suite/mysql-server.js';
import { connector } from './connector.js';

const password = 'canary-hostile-71cd';
const LOCAL_FILES = 0x80;
const MULTI_STATEMENTS = 0x10000;

/** Lets a client in, gives the answers in order to its commands, and the last one to all that follow. */
function scripted(answers: readonly Buffer[]) {
  return turnsOf((turn, socket) => {
    const answer = turn === 0 ? ok(2) : answers[Math.min(turn, answers.length) - 1];
    if (answer) socket.write(answer);
  });
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
    login: { signIn: 'password', fields: { username: 'alice', password: new Secret(password) } },
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

const MEBIBYTE = 1_048_576;
const browse = (session: Session) => session.browse({ path: [], limit: 5 });
const read = (session: Session) => session.read({ query: 'select 1', batchRows: 50 }).then(allBatches);

/** What a server is asked, what it answers well before, the number its next packet has, and what brings it there. */
type Moment = readonly [string, readonly Buffer[], number, (session: Session) => Promise<unknown>];
const setUp = [ok(2), ok(1), ok(1)];
const reading = [...setUp, ok(1)];
const moments: readonly Moment[] = [
  ['the sign-in', [], 2, browse],
  ['the set-up of the session', [ok(2)], 1, browse],
  ['browsing', setUp, 1, browse],
  ['browsing, once prepared', [...setUp, prepared(VAR_STRING, VAR_STRING)], 1, browse],
  ['the begin of a read', setUp, 1, read],
  ['the preparation of a read', reading, 1, read],
  ['the execution of a read', [...reading, prepared(VAR_STRING)], 1, read],
  ['the execution of a read in binary', [...reading, prepared(DOUBLE)], 1, read],
];

async function outcomeAt([, before, , work]: Moment, harm: (socket: Socket) => void, greet?: Buffer) {
  const made = await against(
    turnsOf((turn, socket) => {
      const answer = before[turn];
      if (answer) socket.write(answer);
      if (turn === before.length) harm(socket);
    }, greet),
  );
  const error = await failureOf(made.bench.within(work, { signal: AbortSignal.timeout(5_000) }));
  await made.server.close();
  return { error, sent: made.server.sent() };
}

/** Packets numbered from `first` up, as often as the number of a packet takes to come round. */
const numbered = (first: number, make: (sequence: number) => Buffer) =>
  Buffer.concat(Array.from({ length: 256 }, (_, index) => make((first + index) % 256)));

describe('mysql, against a server whose bytes are none of the protocol, or have no end', () => {
  it.each(moments)('TR16: refuses what its parser must not see, in answer to %s', async (...moment) => {
    const [, , next] = moment;
    const harms = [
      packet(next), // A packet without a payload.
      packet((next + 5) % 256, [0, 0, 0, 2, 0, 0, 0]), // Out of order.
      packet(next, [0xfe]),
      packet(next, [0xfd, 0xff, 0xff]), // A number that does not end.
    ];
    for (const harm of harms) {
      const { error } = await outcomeAt(moment, (socket) => socket.write(Buffer.concat([harm, harm])));
      expect(error.kind, harm.toString('hex')).toMatch(/^(protocol_error|unsupported)$/);
    }
  });

  it.each(moments)('TR18: counts what has no end, in answer to %s', async (...moment) => {
    const before = process.memoryUsage.rss();
    const [, , next] = moment;
    const columns = Buffer.concat([packet(next, [0xfe, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0])]);
    const makes = [
      (sequence: number) => column(sequence, VAR_STRING),
      (sequence: number) => end(sequence, 8),
      (sequence: number) => packet(sequence, [0, 0, 0, 8, 0, 0, 0]), // Another empty result follows.
      (sequence: number) => packet(sequence, [0xfe], 'mysql_native_password\0', Buffer.alloc(20, 7), [0]),
    ];
    for (const make of makes) {
      const { error, sent } = await outcomeAt(moment, (socket) => {
        if (make === makes[0]) socket.write(columns);
        flood(socket, numbered(make === makes[0] ? next + 1 : next, make));
      });
      expect(error.kind).toMatch(/^(too_large|protocol_error|unsupported|invalid_query)$/);
      expect(sent).toBeLessThan(48 * MEBIBYTE);
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MEBIBYTE);
  });

  it.each(moments)('TR18: refuses a field of 1 GB, in answer to %s', async (...moment) => {
    const piece = Buffer.concat([Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(65_533, 'x')]);
    const { error, sent } = await outcomeAt(moment, (socket) => flood(socket, piece));
    expect(error.kind).toMatch(/^(too_large|protocol_error)$/);
    expect(sent).toBeLessThan(48 * MEBIBYTE);
  });

  it.each([
    ['a row of 1 GB', Buffer.concat([Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(65_533, 'x')])],
    ['empty results', numbered(1, (sequence) => packet(sequence, [0, 0, 0, 8, 0, 0, 0]))],
  ])('TR18: counts what arrives after the columns of a read: %s', async (_title, piece) => {
    const before = [...reading, prepared(VAR_STRING)];
    const { error, sent } = await outcomeAt(['', before, 1, read], (socket) => {
      socket.write(resultHead(VAR_STRING));
      socket.write(end(4, 8));
      flood(socket, piece);
    });
    expect(error.kind).toMatch(/^(too_large|protocol_error)$/);
    expect(sent).toBeLessThan(64 * MEBIBYTE);
  });

  it('TR16: takes no greeting whose lengths do not fit', async () => {
    for (const cut of [5, 20, 40, 60]) {
      const made = await against((socket) => {
        const whole = greeting().subarray(4);
        socket.end(packet(0, whole.subarray(0, cut)));
      });
      const error = await failureOf(made.bench.open(made.input, AbortSignal.timeout(5_000)));
      expect(error.kind).toMatch(/^(protocol_error|unreachable)$/);
      await made.server.close();
    }
  });

  it('TR16: believes nothing that was added to the greeting before TLS', async () => {
    const added = Buffer.concat([greeting({ isTlsOffered: true }), ok(1)]);
    const made = await against((socket) => socket.write(added), 'require');
    const error = await failureOf(made.bench.open(made.input, AbortSignal.timeout(5_000)));
    expect(error).toMatchObject({ kind: 'tls_failed', message: expect.stringContaining('TLS handshake') });
  });

  it.each([
    ['shorter than its columns', [VAR_STRING, VAR_STRING], (n: number) => textRow(n, 'a')],
    ['with a value longer than itself', [VAR_STRING], (n: number) => packet(n, [200], 'a')],
    ['with a bit field of 9 bytes', [BIT], (n: number) => textRow(n, '123456789')],
  ])('LI13: fails the read at once for a row %s', async (_title, types, row) => {
    const first = 3 + types.length;
    const rows = Buffer.concat([row(first), row(first + 1), end(first + 2)]);
    const before = [...reading, prepared(...types)];
    const { error } = await outcomeAt(['', before, 1, read], (socket) =>
      socket.write(Buffer.concat([resultHead(...types), rows])),
    );
    expect(error.kind).toBe('protocol_error');
  });

  it('TR16: takes a time of a megabyte of zeros in linear time', async () => {
    const time = `0.${'0'.repeat(500_000)}1${'0'.repeat(500_000)}`;
    const length = Buffer.alloc(4);
    length.writeUInt32LE((time.length << 8) | 0xfd);
    const row = packet(4, length, time);
    const answers = [...reading, prepared(TIME), Buffer.concat([resultHead(TIME), row, end(5)]), ok(1)];
    const made = await against(turnsOf((turn, socket) => socket.write(answers[turn] ?? ok(1))));
    const begun = performance.now();
    const [batch] = await made.bench.within(read);
    expect(batch?.[0]?.[0]).toBe(`0.${'0'.repeat(500_000)}1`);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('TR18: gives up within a second on a server that goes on after it was told to stop', async () => {
    const rows = Buffer.concat(Array.from({ length: 60 }, (_, index) => textRow(4 + index, 'x')));
    const answers = [...reading, prepared(VAR_STRING), Buffer.concat([resultHead(VAR_STRING), rows])];
    const answering = turnsOf((turn, socket) => {
      const answer = answers[turn];
      if (answer) socket.write(answer);
    });
    let connections = 0;
    const made = await against((socket) => {
      connections += 1;
      if (connections === 1) answering(socket);
      else socket.end();
    });
    await leaveEarly(made.bench, 50);
  });

  it.each([
    ['other columns', [VAR_STRING], [3]],
    ['many columns', Array.from({ length: 20 }, () => VAR_STRING), []],
  ])('TR25: says so where its catalogue answers with %s', async (_title, types) => {
    const values = types.map(() => Buffer.from([1, 120]));
    const row = packet(3 + types.length, [0, ...Buffer.alloc(Math.floor((types.length + 9) / 8))], ...values);
    const answer = Buffer.concat([resultHead(...types), row, end(4 + types.length)]);
    const before = [...setUp, prepared(...types)];
    const { error } = await outcomeAt(['', before, 1, browse], (socket) => socket.write(answer));
    expect(error.kind).toBe('protocol_error');
  });
});
