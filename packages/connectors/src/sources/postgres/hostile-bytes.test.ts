import { describe, expect, it } from 'vitest';
import { leaveEarly } from '../../suite/bench.js';
import { flood } from '../../suite/fake-server.js';
import {
  answered,
  dataRow,
  described,
  done,
  JSON_TYPE,
  message,
  notice,
  rowDescription,
  TEXT,
  turnsOf,
  welcome,
} from '../../suite/postgres-server.js';
import {
  browse,
  bytes,
  column,
  hostileSessions,
  MEBIBYTE,
  moments,
  read,
} from './__fixtures__/hostile-session.js';

const { against, outcomeAt } = hostileSessions();

describe('postgres, against a server that violates the protocol or never stops sending', () => {
  it.each(moments)('TR16: refuses what its parser must not see, in answer to %s', async (...moment) => {
    const harms = [
      bytes('45 00000008 53414243'), // An error message whose text does not end.
      Buffer.alloc(65_535, bytes('4e 00000000')), // Messages shorter than their own length.
      bytes('4e 00000003'),
      bytes('5a ffffffff 49'),
      bytes('4e 00000004'), // A notice without an end.
      bytes('53 00000008 61626364'), // A setting whose name does not end.
      bytes('47 00000007 00 0001'), // A copy that was not requested.
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

  it('TR16, TR18: gives up within a second on a server that keeps sending, and answers a cancel with harm', async () => {
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
  ])('TR25: reports that its system catalog answered with %s', async (_title, messages) => {
    const answer = Buffer.concat([answered(...messages), done('SELECT 1')]);
    const { error } = await outcomeAt(['', [welcome], browse], (socket) => socket.write(answer));
    expect(error).toMatchObject({
      kind: 'protocol_error',
      message: expect.stringContaining('system catalog'),
    });
  });
});
