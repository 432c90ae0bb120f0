import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';

// Servers of sources and providers that leak secrets in their errors (D23).

export interface TellingServer {
  port: number;
  close(): Promise<void>;
}

/** Error text around a secret. */
const around = (secret: string) =>
  `login with "${secret}" failed <b>${secret}</b>\r\n\u001b[31m${Buffer.from(secret).toString('base64')} ${encodeURIComponent(secret)}`;

/** The password of an Authorization header of any scheme, the header itself, or what else came. */
function whatCame({ headers }: IncomingMessage): string {
  const { authorization = JSON.stringify(headers) } = headers;
  const [, basic] = /^Basic (\S+)$/.exec(authorization) ?? [];
  return `${authorization} ${basic === undefined ? '' : Buffer.from(basic, 'base64').toString()}`;
}

function tell(request: IncomingMessage, response: ServerResponse, status: number): void {
  const secret = whatCame(request);
  const text = around(secret);
  const inHeader = encodeURI(secret).replaceAll(/[\r\n]/g, '');
  response.writeHead(status, `No ${encodeURIComponent(secret).slice(0, 200)}`, {
    'content-type': request.url?.startsWith('/html') ? 'text/html' : 'application/json',
    'www-authenticate': `Bearer realm="${inHeader}", error_description="${inHeader}"`,
    location: `http://127.0.0.1:9/?leaked=${inHeader}`,
    'x-amz-request-id': inHeader,
    'retry-after': inHeader,
  });
  const error = { code: secret, message: text, status: secret, errors: [{ reason: secret, message: text }] };
  response.end(
    request.url?.startsWith('/html') ? `<p>${text}` : JSON.stringify({ error, error_description: text }),
  );
}

/** HTTP: `/<anything>/<status>` answers with that status, the secret in every part of the answer. */
export async function startTellingHttp(): Promise<TellingServer & { url: string }> {
  const server = createHttpServer((request, response) => {
    const status = Number(/\/(\d{3})(?:\?|$)/.exec(request.url ?? '')?.[1] ?? 500);
    request.resume().once('end', () => tell(request, response, status));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One message of PostgreSQL's protocol 3.0: type, length, body. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

function startTelling(onConnection: (socket: Socket) => void): Promise<TellingServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    onConnection(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of open) socket.destroy();
          }),
      }),
    );
  });
}

/** PostgreSQL that knows the password and puts it into every field of its error. */
export const startTellingPostgres = (secret: string): Promise<TellingServer> =>
  startTelling((socket) => {
    socket.once('data', () => {
      const fields = [...'SVMDHWtcdn'].map(
        (field) => `${field}${field === 'S' ? 'FATAL' : around(secret)}\0`,
      );
      socket.end(message('E', Buffer.from(`${fields.join('')}C28P01\0\0`)));
    });
  });

/** MySQL that greets with an error packet (protocol "ERR_Packet") that has the password. */
export const startTellingMysql = (secret: string): Promise<TellingServer> =>
  startTelling((socket) => {
    const body = Buffer.concat([Buffer.from([0xff, 0x15, 0x04]), Buffer.from(`#28000${around(secret)}`)]);
    const head = Buffer.alloc(4);
    head.writeUIntLE(body.length, 0, 3);
    socket.end(Buffer.concat([head, body]));
  });

const element = (tag: number, body: Buffer) =>
  Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 255]), body]);

/** LDAP that refuses a simple bind with its password as the message (RFC 4511 section 4.2). */
export const startTellingLdap = (): Promise<TellingServer> =>
  startTelling((socket) => {
    socket.once('data', (request: Buffer) => {
      // The password is the last element of the request, and its length is one byte.
      const at = request.lastIndexOf(0x80, -2);
      const told = Buffer.from(around(request.subarray(at + 2).toString()));
      const result = [Buffer.from([0x0a, 1, 49]), element(0x04, told), element(0x04, told)];
      const id = request.subarray(2, 5);
      socket.end(element(0x30, Buffer.concat([id, element(0x61, Buffer.concat(result))])));
    });
  });
