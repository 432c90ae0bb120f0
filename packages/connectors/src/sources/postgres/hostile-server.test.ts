import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectorInput, Session } from '../../spec/connector.js';
import { ConnectorError } from '../../spec/errors.js';
import { Secret } from '../../spec/secret.js';
import {
  allBatches,
  Bench,
  CLOSE_MS_MAX,
  expectNoSecrets,
  failureOf,
  leaveEarly,
} from '../../suite/bench.js';
import { type FakeServer, flood, startFakeServer } from '../../suite/fake-server.js';
import {
  answered,
  dataRow,
  described,
  done,
  failure,
  JSON_TYPE,
  message,
  notice,
  rowDescription,
  TEXT,
  turnsOf,
  welcome,
} from '../../suite/postgres-server.js';
import { connector } from './connector.js';

const password = 'canary-hostile-93ab';

const askPassword = message('R', Buffer.from([0, 0, 0, 3]));

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
    login: { signIn: 'password', fields: { username: 'alice', password: new Secret(password) } },
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

const MEBIBYTE = 1_048_576;
const ping = (session: Session) => session.ping();
const browse = (session: Session) => session.browse({ path: [], limit: 5 });
const read = (session: Session) => session.read({ query: 'select 1', batchRows: 50 }).then(allBatches);
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const column = ['a', TEXT] as const;

/** What a server is asked, what it answers well before, and what brings it there. */
const moments: readonly [
  title: string,
  before: readonly Buffer[],
  work: (session: Session) => Promise<unknown>,
][] = [
  ['the start-up', [], ping],
  ['a ping', [welcome], ping],
  ['browsing', [welcome], browse],
  ['the begin of a read', [welcome], read],
  ['the description of a read', [welcome, done('BEGIN')], read],
  ['rows', [welcome, done('BEGIN'), described(column)], read],
];

/** How a session comes out that is answered well up to a moment, and by `harm` from then on. */
async function outcomeAt([, before, work]: (typeof moments)[number], harm: (socket: Socket) => void) {
  const made = await against(
    turnsOf((turn, socket) => {
      const answer = before[turn];
      if (answer) socket.write(answer);
      if (turn === before.length) harm(socket);
    }),
    'disable',
  );
  const working = made.bench.within(work, { signal: AbortSignal.timeout(5_000) });
  const error = await working.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await made.server.close();
  if (error !== undefined) expect(error).toBeInstanceOf(ConnectorError);
  return { error: error as ConnectorError | undefined, sent: made.server.sent() };
}

describe('postgres, against a server whose bytes are none of the protocol, or have no end', () => {
  it.each(moments)('TR16: refuses what its parser must not see, in answer to %s', async (...moment) => {
    const harms = [
      bytes('45 00000008 53414243'), // An error message whose text does not end.
      Buffer.alloc(65_535, bytes('4e 00000000')), // Messages shorter than their own length.
      bytes('4e 00000003'),
      bytes('5a ffffffff 49'),
      bytes('4e 00000004'), // A notice without an end.
      bytes('53 00000008 61626364'), // A setting whose name does not end.
      bytes('47 00000007 00 0001'), // A copy that nobody asked for.
      Buffer.concat([message('1'), message('2'), message('T', bytes('7fff 61'))]), // 32,767 columns in three bytes.
      Buffer.concat([described(column), message('D', bytes('0001 00010000 78'))]), // A value longer than its row.
      Buffer.concat([described(column), message('D', bytes('0001 fffffffe'))]),
      Buffer.concat([described(column), dataRow('one', 'too many')]),
      Buffer.concat([described(column), dataRow()]),
      Buffer.concat([described(column), message('D', bytes('0000 00000001 78'))]), // A field more than it says.
      described(...Array.from({ length: 1_665 }, () => column)),
    ];
    for (const harm of harms) {
      const { error } = await outcomeAt(moment, (socket) => socket.write(harm));
      expect(error?.kind, harm.subarray(0, 20).toString('hex')).toBe('protocol_error');
    }
  });

  it.each(moments)('TR18: counts what has no end, in answer to %s', async (...moment) => {
    const before = process.memoryUsage.rss();
    const pieces = [
      notice,
      message('S', 'TimeZone\0UTC\0'),
      message('A', bytes('00000001 6100 00')),
      message('I'),
      rowDescription([column, column, column]),
      dataRow(null),
    ];
    for (const piece of pieces) {
      const { error, sent } = await outcomeAt(moment, (socket) => {
        socket.write(described(column));
        flood(socket, piece);
      });
      expect(error?.kind).toMatch(/^(too_large|protocol_error)$/);
      expect(sent).toBeLessThan(48 * MEBIBYTE);
    }
    // To some moments this is an answer, which ends there.
    const { sent } = await outcomeAt(moment, (socket) => flood(socket, done('SELECT 0')));
    expect(sent).toBeLessThan(48 * MEBIBYTE);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MEBIBYTE);
  });

  it.each(moments)('TR18: refuses a message of 1 GB by its head, in answer to %s', async (...moment) => {
    for (const kind of ['4e', '45', '44', '54']) {
      const { error, sent } = await outcomeAt(moment, (socket) => {
        socket.write(bytes(`${kind} 40000000`));
        flood(socket, Buffer.alloc(65_536, 'x'));
      });
      expect(error?.kind).toBe('too_large');
      expect(sent).toBeLessThan(24 * MEBIBYTE);
    }
  });

  it('TR16, TR18: gives up within a second on a server that goes on, and answers a cancel with harm', async () => {
    const firstRows = Array.from({ length: 16 }, () => dataRow('x'));
    const rows = Buffer.concat([...firstRows, message('s')]);
    const answers = [welcome, done('BEGIN'), described(column), rows];
    const answering = turnsOf((turn, socket) => {
      const answer = answers[turn];
      if (answer) socket.write(answer);
    });
    let connections = 0;
    const made = await against((socket) => {
      connections += 1;
      if (connections === 1) answering(socket);
      else socket.write(bytes('45 00000008 53414243'));
    }, 'disable');
    await leaveEarly(made.bench, 16);
    expect(connections).toBeGreaterThan(1);
  });

  it('LI13: fails the read at once for a value that cannot be parsed, and nothing else', async () => {
    const rows = Buffer.concat([dataRow('{"a": 1}'), dataRow('{"a":'), done('SELECT 2')]);
    const before = [welcome, done('BEGIN'), described(['a', JSON_TYPE])];
    const begun = performance.now();
    const { error } = await outcomeAt(['', before, read], (socket) => socket.write(rows));
    expect(error?.kind).toBe('protocol_error');
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it.each([
    ['other columns', [rowDescription([['x', TEXT]]), dataRow('y')]],
    [
      'more columns',
      [
        rowDescription([
          ['name', TEXT],
          ['key', TEXT],
          ['more', TEXT],
        ]),
        dataRow('a', 'b', 'c'),
      ],
    ],
    [
      'no name',
      [
        rowDescription([
          ['name', TEXT],
          ['key', TEXT],
        ]),
        dataRow(null, 'b'),
      ],
    ],
    [
      'a number for a name',
      [
        rowDescription([
          ['name', 23],
          ['key', TEXT],
        ]),
        dataRow('1', 'b'),
      ],
    ],
    [
      'more rows than asked for',
      [
        rowDescription([
          ['name', TEXT],
          ['key', TEXT],
        ]),
        ...Array.from({ length: 7 }, () => dataRow('a', 'b')),
      ],
    ],
  ])('TR25: says so where its catalogue answers with %s', async (_title, messages) => {
    const answer = Buffer.concat([answered(...messages), done('SELECT 1')]);
    const { error } = await outcomeAt(['', [welcome], browse], (socket) => socket.write(answer));
    expect(error).toMatchObject({
      kind: 'protocol_error',
      message: expect.stringContaining('system catalog'),
    });
  });
});
