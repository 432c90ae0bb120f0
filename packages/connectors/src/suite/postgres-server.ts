// A scripted PostgreSQL server, well-formed or not. Source: PostgreSQL documentation, "Message Formats" and "Message
// Flow".
import type { Socket } from 'node:net';

export function message(kind: string, body: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

const int16 = (value: number) => Buffer.of((value >> 8) & 0xff, value & 0xff);
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const ready = message('Z', 'I');
export const notice = message('N', 'SNOTICE\0C00000\0Mx\0\0');
export const failure = (state: string, text: string) => message('E', `SFATAL\0C${state}\0M${text}\0\0`);
/** A sign-in without a password, up to the first statement. */
export const welcome = Buffer.concat([
  message('R', int32(0)),
  message('S', 'server_version\x0017.0\0'),
  message('K', Buffer.concat([int32(7), int32(9)])),
  ready,
]);
export const done = (tag: string) => Buffer.concat([message('C', `${tag}\0`), ready]);

export const TEXT = 25;
export const JSON_TYPE = 114;

/** @param columns name and type object id of each */
export function rowDescription(columns: readonly (readonly [string, number])[]): Buffer {
  const fields = columns.map(([name, type]) =>
    Buffer.concat([
      Buffer.from(`${name}\0`),
      int32(0),
      int16(0),
      int32(type),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  );
  return message('T', Buffer.concat([int16(columns.length), ...fields]));
}

export function dataRow(...values: (string | null)[]): Buffer {
  const fields = values.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
  );
  return message('D', Buffer.concat([int16(values.length), ...fields]));
}

/** One of our prepared statements and its rows, all at once. */
export const answered = (...messages: Buffer[]) => Buffer.concat([message('1'), message('2'), ...messages]);
/** The description of a read; its rows are requested in the next turn. */
export const described = (...columns: (readonly [string, number])[]) => answered(rowDescription(columns));

/** Length and code; a server ends the connection on them. */
const CANCEL_REQUEST = Buffer.of(0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e);

/**
 * Calls `answer` whenever the client expects a response: after its start-up, and after each Query, Sync, Flush and
 * password.
 */
export function turnsOf(answer: (turn: number, socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    let turn = 0;
    let isStarted = false;
    let left = Buffer.alloc(0);
    const next = () => {
      answer(turn, socket);
      turn += 1;
    };
    const messageBytes = () => (isStarted ? 1 + left.readInt32BE(1) : left.readInt32BE(0));
    socket.on('data', (chunk) => {
      left = Buffer.concat([left, chunk]);
      if (!isStarted && left.indexOf(CANCEL_REQUEST) === 0) socket.destroy();
      while (left.length >= (isStarted ? 5 : CANCEL_REQUEST.length) && left.length >= messageBytes()) {
        const kind = isStarted ? String.fromCharCode(left[0] ?? 0) : 'Q';
        left = left.subarray(messageBytes());
        isStarted = true;
        if ('QSHp'.includes(kind)) next();
      }
    });
  };
}
