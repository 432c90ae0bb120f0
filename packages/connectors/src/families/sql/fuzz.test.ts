import type { Socket } from 'node:net';
import { type FuzzReport, fuzz } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import type { AnySource } from '../../interface/source.js';
import { source as mysql } from '../../sources/mysql/source.js';
import { source as postgres } from '../../sources/postgres/source.js';
import { allBatches, openSession, type TestInput } from '../../suite/bench.js';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import * as my from '../../suite/mysql-server.js';
import * as pg from '../../suite/postgres-server.js';

/** Ends what a server says at one of its turns, in an input. */
const TURN = Buffer.from('\n<turn>\n');
/** How long a server that has said everything waits for the client to go, in milliseconds. */
const PATIENCE_MS = 25;

const conversation = (...turns: Buffer[]) => Buffer.concat(turns.flatMap((turn) => [turn, TURN]));

function turnsIn(input: Buffer): Buffer[] {
  const turns: Buffer[] = [];
  let from = 0;
  for (let at = input.indexOf(TURN); at >= 0; at = input.indexOf(TURN, from)) {
    turns.push(input.subarray(from, at));
    from = at + TURN.length;
  }
  return [...turns, input.subarray(from)];
}

type Answer = (turn: number, socket: Socket) => void;
type Serve = (answer: Answer, turns: readonly Buffer[]) => (socket: Socket) => void;

let server: FakeServer | undefined;
let network: DirectNetwork | undefined;
afterEach(async () => {
  network?.close();
  await server?.close();
});

/** Signs in, lists, and reads everything that a server says, which then hangs up. */
async function fuzzed(
  source: AnySource,
  serve: Serve,
  material: { name: string; corpus: Buffer[]; tokens: Buffer[] },
): Promise<FuzzReport> {
  let turns: readonly Buffer[] = [];
  server = await startFakeServer((socket) => {
    const hangUp = () => setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
    const answer: Answer = (turn) => {
      if (turn < turns.length) socket.write(turns[turn] ?? '');
      if (turn >= turns.length - 1) hangUp();
    };
    serve(answer, turns)(socket);
    // A client that waits for more than a turn holds gets no further answer.
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  });
  const input: TestInput = {
    properties: {
      host: server.host,
      port: server.port,
      [source.id === 'mysql' ? 'database' : 'db']: 'shop',
      sslmode: 'disable',
    },
    login: { signIn: 'password', fields: { username: 'alice', password: new Secret('secret') } },
  };
  const made = createDirectNetwork();
  network = made;
  return fuzz({
    ...material,
    runs: full(5_000, 150),
    isRefusal: (error) => error instanceof ConnectorError,
    async read(bytes) {
      turns = turnsIn(bytes);
      const session = await openSession(source, input, {
        network: made,
        signal: AbortSignal.timeout(10_000),
      });
      try {
        await session.browse({ path: [], limit: 5 });
        const { batches } = await session.read({ query: 'select 1', batchRows: 50 });
        await allBatches({ batches });
      } finally {
        await session.close();
        expect(await made.idle(2_000), 'sockets left open').toBe(true);
      }
    },
  });
}

describe('any response of a database server', () => {
  it('TR16, TR18: a PostgreSQL session gives rows or an error, in bounded time and memory', async () => {
    const names = pg.rowDescription([
      ['name', pg.TEXT],
      ['key', pg.TEXT],
    ]);
    const setUp = [pg.welcome];
    const listed = Buffer.concat([pg.answered(names, pg.dataRow('a', 'b')), pg.done('SELECT 1')]);
    const types = [16, 17, 20, 23, 114, 700, 1082, 1114, 1184, 1700, 1007, 1231, 3807, pg.TEXT] as const;
    const values = ['t', '\\x00ff', '1', '2', '{"a":[1]}', 'NaN', '2024-02-29', '2024-02-29 12:34:56.789'];
    const more = ['2024-02-29 12:34:56+02', '1.50', '{1,NULL,{2}}', '{}', '{"{\\"a\\":1}"}', 'ä'];
    const head = pg.described(...types.map((type, index) => [`c${index}`, type] as const));
    const rows = Array.from({ length: 3 }, () => pg.dataRow(...values, ...more));
    const result = Buffer.concat([...rows, pg.message('C', 'SELECT 3\0')]);
    const closed = Buffer.concat([pg.message('3'), pg.ready]);
    const reading = [pg.done('BEGIN'), head, result, closed, pg.done('ROLLBACK')];
    const unended = Buffer.from('450000000853414243', 'hex');
    const emptyNotices = Buffer.alloc(65_535, Buffer.from('4e00000000', 'hex'));
    const report = await fuzzed(postgres, (answer) => pg.turnsOf(answer), {
      name: 'postgres',
      corpus: [
        conversation(...setUp, listed, ...reading),
        conversation(...setUp, pg.failure('42501', 'no'), ...reading),
        conversation(...setUp, listed, pg.done('BEGIN'), head, pg.failure('22012', 'zero')),
        conversation(unended),
        conversation(emptyNotices),
        conversation(...setUp, Buffer.concat([listed, unended])),
        conversation(...setUp, listed, pg.done('BEGIN'), head, emptyNotices),
      ],
      tokens: [TURN, pg.notice, pg.ready, unended, pg.message('S', 'a\0b\0'), pg.dataRow(null), result],
    });
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(10);
  });

  it('TR16, TR18: a MySQL session gives rows or an error, in bounded time and memory', async () => {
    const text = my.VAR_STRING;
    const row = (sequence: number) => my.packet(sequence, [0, 0, 1, 97, 1, 98]);
    const setUp = [my.greeting(), my.ok(2), my.ok(1), my.ok(1)];
    const listing = [
      my.prepared(text, text),
      Buffer.concat([my.resultHead(text, text), row(5), row(6), my.end(7)]),
    ];
    const kinds = [text, 3, 8, 246, 10, my.TIME, 12, 7, 245, my.BIT, 255] as const;
    const values = [
      'a',
      '1',
      '2',
      '3.50',
      '2024-02-29',
      '12:00:00.50',
      '2024-02-29 12:00:00',
      '2024-02-29 12:00:00',
    ];
    const line = (sequence: number) => my.textRow(sequence, ...values, '{"a":1}', '\x01', '');
    const rowsFrom = 3 + kinds.length;
    const textResult = Buffer.concat([my.resultHead(...kinds), line(rowsFrom), my.end(rowsFrom + 1)]);
    const double = my.packet(4, [0, 0], Buffer.alloc(8, 1));
    const binaryResult = Buffer.concat([my.resultHead(my.DOUBLE), double, my.end(5)]);
    const report = await fuzzed(
      mysql,
      (answer, turns) => my.turnsOf((turn, socket) => answer(turn + 1, socket), turns[0]),
      {
        name: 'mysql',
        corpus: [
          conversation(...setUp, ...listing, my.ok(1), my.prepared(...kinds), textResult, my.ok(1)),
          conversation(...setUp, ...listing, my.ok(1), my.prepared(my.DOUBLE), binaryResult, my.ok(1)),
          conversation(...setUp, my.failure('no'), my.ok(1), my.failure('no')),
          // Lost right after the statement is prepared, before it is run.
          conversation(
            ...setUp,
            ...listing,
            my.ok(1),
            Buffer.concat([my.prepared(...kinds), my.packet(9, [0])]),
          ),
          conversation(...setUp, my.wantFile('/etc/hostname')),
          conversation(...setUp, my.packet(1)),
          conversation(
            my.greeting(),
            my.packet(2, [0xfe], 'mysql_native_password\0', Buffer.alloc(21, 7)),
            my.ok(4),
          ),
        ],
        tokens: [TURN, my.ok(1), my.end(1, 8), my.column(2, text), my.packet(1), my.end(4), textResult],
      },
    );
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(10);
  });
});
