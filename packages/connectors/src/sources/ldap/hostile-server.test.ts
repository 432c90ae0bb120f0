import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { hideAll } from '../../kit/secret-fields.js';
import { Bench, failureOf } from '../../suite/bench.js';
import { startFakeServer } from '../../suite/fake-server.js';
import { source } from './source.js';

const password = 'canary-of-a-hostile-directory';

/** Answers with message id `id` (RFC 4511 section 4.1.1); bodies are short. */
const answer = (id: number, tag: number, ...body: number[]) =>
  Buffer.from([0x30, body.length + 5, 2, 1, id, tag, body.length, ...body]);
const done = (id: number, tag: number, code = 0) => answer(id, tag, 0x0a, 1, code, 4, 0, 4, 0);
const [bindDone, searchDone, extendedDone] = [0x61, 0x65, 0x78];
const idOf = (request: Buffer) => request[4] ?? 0;

async function start(serve: (request: Buffer, socket: Socket) => void, security = 'none') {
  const server = await startFakeServer((socket) => socket.on('data', (request) => serve(request, socket)));
  const { host, port } = server;
  const bench = new Bench(source, {
    good: {
      properties: { host, port, security, baseDn: 'dc=example,dc=com' },
      login: { signIn: 'simple', fields: { username: 'cn=a', ...hideAll({ password }) } },
    },
  });
  onTestFinished(() => {
    bench.network.close();
    return server.close();
  });
  return { server, bench };
}

const read = (bench: Bench) =>
  failureOf(bench.within((session) => session.read({ path: [], batchRows: 10 })));
/** Answers a sign-in, and everything else by `serve`. */
const signedIn = (serve: (request: Buffer, socket: Socket) => void) => (request: Buffer, socket: Socket) =>
  request[5] === 0x60 ? void socket.write(done(idOf(request), bindDone)) : serve(request, socket);

it('sends no password where StartTLS is refused', async () => {
  const { server, bench } = await start((request, socket) => {
    socket.write(done(idOf(request), extendedDone, 2));
  }, 'starttls');
  expect((await failureOf(bench.open(bench.source.good))).kind).toBe('unsupported');
  expect(server.received().toString('latin1')).not.toContain(password);
});

it('does not dial again where the server has closed the connection: it would not be signed in', async () => {
  let connections = 0;
  const { bench } = await start(
    signedIn((_request, socket) => {
      connections += 1;
      socket.destroy();
    }),
  );
  const error = await failureOf(
    bench.within(async (session) => {
      await failureOf(session.ping());
      await session.ping();
    }),
  );
  expect(error.kind).toBe('unreachable');
  expect(connections).toBe(1);
});

it.each([
  ['ends midway', 'unreachable', [0x30, 0x20, 2, 1, 3, 0x65]],
  ['is not LDAP', 'protocol_error', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
  ['has a tag that is not defined', 'protocol_error', [0x30, 5, 2, 1, 3, 0x7f, 0]],
  ['has a message id of no request', 'unreachable', [...done(99, searchDone)]],
  ['has a length of 4 GB', 'too_large', [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 3]],
  ['has no length', 'protocol_error', [0x30, 0x80, 2, 1, 3, 0x65, 0, 0]],
])('an answer that %s, and then the end: the read fails as %s', async (_what, kind, bytes) => {
  const { bench } = await start(signedIn((_request, socket) => socket.end(Buffer.from(bytes))));
  expect((await read(bench)).kind).toBe(kind);
});

const element = (tag: number, body: Buffer) => {
  const head = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
};

it('cuts a page of entries that does not end', async () => {
  const value = element(0x31, element(0x04, Buffer.alloc(1_048_576)));
  const attributes = element(0x30, element(0x30, Buffer.concat([Buffer.from([4, 1, 97]), value])));
  const entryOf = (id: number) =>
    element(
      0x30,
      Buffer.concat([
        Buffer.from([2, 1, id]),
        element(0x64, Buffer.concat([Buffer.from([4, 0]), attributes])),
      ]),
    );
  const { server, bench } = await start(
    signedIn((request, socket) => {
      const entry = entryOf(idOf(request));
      const more = () => {
        while (!socket.destroyed && socket.write(entry));
        socket.once('drain', more);
      };
      more();
    }),
  );
  const error = await read(bench);
  expect([error.kind, error.message]).toEqual([
    'too_large',
    'The server sent more than 32 MiB for a page of entries.',
  ]);
  expect(server.sent()).toBeLessThan(64 * 1024 * 1024);
});
