import { describe, expect, it } from 'vitest';
import { failureOf, leaveEarly } from '../../suite/bench.js';
import { flood } from '../../suite/fake-server.js';
import {
  BIT,
  column,
  end,
  greeting,
  ok,
  packet,
  prepared,
  resultHead,
  TIME,
  textRow,
  turnsOf,
  VAR_STRING,
} from '../../suite/mysql-server.js';
import {
  browse,
  hostileSessions,
  MEBIBYTE,
  moments,
  read,
  reading,
  setUp,
} from './__fixtures__/hostile-session.js';

const { against, outcomeAt } = hostileSessions();

/** Packets numbered from `first` up, as often as the number of a packet takes to come round. */
const numbered = (first: number, make: (sequence: number) => Buffer) =>
  Buffer.concat(Array.from({ length: 256 }, (_, index) => make((first + index) % 256)));

describe('mysql, against a server that violates the protocol or never stops sending', () => {
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

  it('TR16: refuses data that was added to the greeting before TLS', async () => {
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

  it('TR18: gives up within a second on a server that keeps sending after a cancel', async () => {
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
  ])('TR25: reports that its system catalog answered with %s', async (_title, types) => {
    const values = types.map(() => Buffer.from([1, 120]));
    const row = packet(3 + types.length, [0, ...Buffer.alloc(Math.floor((types.length + 9) / 8))], ...values);
    const answer = Buffer.concat([resultHead(...types), row, end(4 + types.length)]);
    const before = [...setUp, prepared(...types)];
    const { error } = await outcomeAt(['', before, 1, browse], (socket) => socket.write(answer));
    expect(error.kind).toBe('protocol_error');
  });
});
