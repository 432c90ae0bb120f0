// A scripted MySQL server, well-formed or not. Source: MySQL manual, "Client/Server Protocol".
import type { Socket } from 'node:net';

/** Protocol 4.1, pluggable authentication, transactions; neither TLS nor anything that shortens the exchange. */
const CAPABILITIES = 0x0008_a208;
const TLS_CAPABILITY = 0x800;
/** Column types: one whose rows travel in binary, and some whose rows travel as text. */
export const DOUBLE = 5;
export const TIME = 11;
export const BIT = 16;
export const VAR_STRING = 253;

/** A packet of the protocol: length, sequence number, payload. */
export function packet(sequence: number, ...payload: (Buffer | string | number[])[]): Buffer {
  const body = Buffer.concat(payload.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

export function greeting({ isTlsOffered = false } = {}): Buffer {
  const capabilities = CAPABILITIES | (isTlsOffered ? TLS_CAPABILITY : 0);
  const low = [capabilities & 0xff, (capabilities >> 8) & 0xff];
  const high = [(capabilities >> 16) & 0xff, (capabilities >> 24) & 0xff];
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

export const ok = (sequence: number) => packet(sequence, [0, 0, 0, 2, 0, 0, 0]);
export const failure = (text: string) => packet(1, [0xff, 0x28, 0x04], '#42000', text);
export const wantFile = (path: string) => packet(1, [0xfb], path);
/** @param status 8: another result follows */
export const end = (sequence: number, status = 2) => packet(sequence, [0xfe, 0, 0, status, 0]);
/** Character set numbers. */
const UTF8 = 45;
const BINARY = 63;

export const column = (sequence: number, type: number, name = 'a') =>
  packet(sequence, [3], 'def', [0, 0, 0, name.length], name, [
    0,
    12,
    type === BIT ? BINARY : UTF8,
    0,
    10,
    0,
    0,
    0,
    type,
    0,
    0,
    0,
    0,
    0,
  ]);

/** The response to preparing a statement whose result has these columns. */
export function prepared(...types: number[]): Buffer {
  const columns = types.map((type, index) => column(2 + index, type));
  const head = packet(1, [0, 1, 0, 0, 0, types.length, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...columns, end(2 + types.length)]);
}

const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);

/** The columns of a result. Its rows start with number `4`, for one column. */
export function resultHead(...types: number[]): Buffer {
  const columns = types.map((type, index) => column(2 + index, type));
  return Buffer.concat([packet(1, [types.length]), ...columns, end(2 + types.length)]);
}

/** A row in the text protocol. */
export const textRow = (sequence: number, ...values: string[]) => packet(sequence, ...values.map(text));

const UNANSWERED_COMMANDS = new Set([
  0x01, // COM_QUIT
  0x19, // COM_STMT_CLOSE
]);

/** Greets, and calls `answer` for the client's sign-in and for each command that expects a response. */
export function turnsOf(
  answer: (turn: number, socket: Socket) => void,
  greet: Buffer = greeting(),
): (socket: Socket) => void {
  return (socket) => {
    socket.write(greet);
    let turn = 0;
    let left = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      left = Buffer.concat([left, chunk]);
      while (left.length >= 4 && left.length >= 4 + left.readUIntLE(0, 3)) {
        const isAnswered = turn === 0 || !UNANSWERED_COMMANDS.has(left[4] ?? 0);
        left = left.subarray(4 + left.readUIntLE(0, 3));
        if (!isAnswered) continue;
        answer(turn, socket);
        turn += 1;
      }
    });
  };
}
