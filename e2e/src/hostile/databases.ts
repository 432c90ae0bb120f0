import type { Socket } from 'node:net';
import { flood } from '@mooring/connectors/suite/fake-server';
import {
  column,
  DOUBLE,
  end,
  turnsOf as mysqlTurns,
  ok,
  packet,
  prepared,
  resultHead,
  VAR_STRING,
} from '@mooring/connectors/suite/mysql-server';
import {
  dataRow,
  described,
  done,
  notice,
  turnsOf as postgresTurns,
  TEXT,
  welcome,
} from '@mooring/connectors/suite/postgres-server';

type Serve = (socket: Socket) => void;
/** Behaviour of a hostile server, by name. */
export type Databases = Readonly<Record<string, Serve>>;

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const letters = Buffer.alloc(65_536, 'x');
const nineBytes = bytes('45 00000008 53414243');
const textColumn = ['a', TEXT] as const;

/** Behaves well up to a moment. */
const after =
  (turnsOf: typeof postgresTurns) =>
  (before: readonly Buffer[], harm: Serve): Serve =>
    turnsOf((turn, socket) => {
      const answer = before[turn];
      if (answer) socket.write(answer);
      if (turn === before.length) harm(socket);
    });
const flooding =
  (head: Buffer, piece: Buffer): Serve =>
  (socket) => {
    socket.write(head);
    flood(socket, piece);
  };

const toPostgres = after(postgresTurns);
const signedIn = [welcome];
const reading = [...signedIn, done('BEGIN'), described(textColumn)];
const rowOfGigabyte = Buffer.concat([bytes('44 40000000 0001 3ffffff0')]);

export const postgres: Databases = {
  'nine bytes': toPostgres([], (socket) => socket.write(nineBytes)),
  'nine bytes once signed in': toPostgres(signedIn, (socket) => socket.write(nineBytes)),
  'messages without a length': toPostgres(signedIn, (socket) =>
    socket.write(Buffer.alloc(65_535, bytes('4e 00000000'))),
  ),
  'rows without end to our statements': toPostgres(signedIn, flooding(described(textColumn), dataRow('x'))),
  'results without end to our statements': toPostgres(signedIn, flooding(Buffer.alloc(0), done('SELECT 0'))),
  'notices without end': toPostgres([], flooding(Buffer.alloc(0), notice)),
  'a notice of 1 GB': toPostgres([], flooding(bytes('4e 40000000'), letters)),
  'an error of 1 GB': toPostgres(signedIn, flooding(bytes('45 40000000'), letters)),
  'a field of 1 GB': toPostgres(reading, flooding(rowOfGigabyte, letters)),
};

/** Packets numbered from `first`, until the sequence number wraps around. */
const numbered = (first: number, make: (sequence: number) => Buffer) =>
  Buffer.concat(Array.from({ length: 256 }, (_, index) => make((first + index) % 256)));
const toMysql = after(mysqlTurns);
const setUp = [ok(2), ok(1), ok(1)];
const gigabyte = Buffer.concat([Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(65_533, 'x')]);

export const mysql: Databases = {
  'a packet without a payload': toMysql([], (socket) => socket.write(packet(2))),
  'columns without end': toMysql(
    setUp,
    flooding(
      packet(1, [0xfe, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]),
      numbered(2, (sequence) => column(sequence, VAR_STRING)),
    ),
  ),
  'results without end': toMysql(
    setUp,
    flooding(
      Buffer.alloc(0),
      numbered(1, (sequence) => packet(sequence, [0, 0, 0, 8, 0, 0, 0])),
    ),
  ),
  'rows without end to our statements': toMysql(
    [...setUp, prepared(VAR_STRING)],
    flooding(
      resultHead(VAR_STRING),
      numbered(4, (sequence) => packet(sequence, [1], 'x')),
    ),
  ),
  'an error of 1 GB': toMysql([], flooding(Buffer.alloc(0), gigabyte)),
  'a field of 1 GB': toMysql(
    [...setUp, ok(1), prepared(DOUBLE)],
    flooding(Buffer.concat([resultHead(DOUBLE), end(4, 8)]), gigabyte),
  ),
};
