import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { findFreePort } from '@mooring/lab/free-port';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { mySqlErrors } from '../families/mysql/errors.js';
import { postgresErrors } from '../families/postgres/errors.js';
import { s3Errors } from '../families/s3/errors.js';
import { ConnectorError, type ErrorTable } from '../interface/errors.js';
import { type FakeServer, startFakeServer } from '../suite/fake-server.js';
import * as mySqlServer from '../suite/mysql-server.js';
import * as postgresServer from '../suite/postgres-server.js';
import { translate } from './errors.js';

const caught = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('did not fail');
};

async function against<Result>(
  serve: (socket: Socket) => void,
  use: (server: FakeServer) => Promise<Result>,
): Promise<Result> {
  const server = await startFakeServer(serve);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

describe('translate, given what drivers throw', () => {
  const secret = 'canary-7f3a';
  const login = { host: '127.0.0.1', user: `user-${secret}`, password: secret, database: 'd' };

  async function ofPostgres(serve: (socket: Socket) => void, options: pg.ClientConfig = {}) {
    return against(serve, async ({ port }) => {
      const client = new pg.Client({ ...login, port, ...options });
      client.on('error', () => undefined);
      const error = await caught(client.connect().then(() => client.query('selec 1')));
      return error;
    });
  }

  async function ofMySql(serve: (socket: Socket) => void, options: mysql.ConnectionOptions = {}) {
    return against(serve, ({ port }) =>
      caught(
        mysql.createConnection({ ...login, port, ...options }).then((connection) => {
          connection.on('error', () => undefined);
          return connection.query('selec 1');
        }),
      ),
    );
  }

  async function ofS3(status: number, body: string) {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const error = await fromS3(port);
    server.close();
    return error;
  }
  function fromS3(port: number) {
    const client = new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { accessKeyId: `AKIA${secret}`, secretAccessKey: secret },
    });
    return caught(client.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' })));
  }

  const statement = postgresServer.message(
    'E',
    `SERROR\0C42601\0Msyntax error at or near "selec"\nx\0P1\0D${secret}\0\0`,
  );
  const aws = (code: string) => `<Error><Code>${code}</Code><Message>${secret}</Message></Error>`;
  const refusal = mySqlServer.packet(2, [0xff, 0x15, 0x04], '#28000', `Access denied for '${secret}'`);

  const cases: [string, ErrorTable, () => Promise<unknown>, Record<string, unknown>][] = [
    [
      'pg: a refused sign-in',
      postgresErrors,
      () =>
        ofPostgres(
          postgresServer.turnsOf((_, socket) => socket.end(postgresServer.failure('28P01', secret))),
        ),
      { kind: 'auth_failed', nativeCode: '28P01', server: undefined },
    ],
    [
      'pg: a faulty statement',
      postgresErrors,
      () =>
        ofPostgres(
          postgresServer.turnsOf((turn, socket) =>
            socket.write(
              turn === 0 ? postgresServer.welcome : Buffer.concat([statement, postgresServer.ready]),
            ),
          ),
        ),
      {
        kind: 'invalid_query',
        nativeCode: '42601',
        server: { message: 'syntax error at or near "selec" x', code: '42601', position: 1 },
      },
    ],
    [
      'pg: a code that is listed by its class only',
      postgresErrors,
      () =>
        ofPostgres(postgresServer.turnsOf((_, socket) => socket.end(postgresServer.failure('53100', 'x')))),
      { kind: 'quota_exceeded', isRetryable: true },
    ],
    [
      'pg: a server that leaves',
      postgresErrors,
      () => ofPostgres((socket) => socket.end()),
      { kind: 'unreachable', message: 'The server closed the connection.', nativeCode: undefined },
    ],
    [
      'pg: a server without TLS',
      postgresErrors,
      () => ofPostgres((socket) => socket.write('N'), { ssl: true }),
      { kind: 'tls_failed', message: 'The server does not support TLS.' },
    ],
    [
      'mysql2: a refused sign-in',
      mySqlErrors,
      () => ofMySql(mySqlServer.turnsOf((_, socket) => socket.write(refusal))),
      { kind: 'auth_failed', nativeCode: '1045', server: undefined },
    ],
    [
      'mysql2: a faulty statement',
      mySqlErrors,
      () =>
        ofMySql(
          mySqlServer.turnsOf((turn, socket) =>
            socket.write(turn === 0 ? mySqlServer.ok(2) : mySqlServer.failure('near selec')),
          ),
        ),
      { kind: 'invalid_query', nativeCode: '1064', server: { message: 'near selec', code: '1064' } },
    ],
    [
      'mysql2: a server that leaves',
      mySqlErrors,
      () => ofMySql(mySqlServer.turnsOf((_, socket) => socket.end())),
      { kind: 'unreachable', message: 'The server closed the connection.' },
    ],
    [
      'mysql2: a server without TLS',
      mySqlErrors,
      () =>
        ofMySql(
          mySqlServer.turnsOf(() => undefined),
          { ssl: {} },
        ),
      { kind: 'tls_failed', message: 'The server does not support TLS.' },
    ],
    [
      'AWS: a code',
      s3Errors,
      () => ofS3(403, aws('SignatureDoesNotMatch')),
      { kind: 'auth_failed', nativeCode: 'SignatureDoesNotMatch', isRetryable: false },
    ],
    [
      'AWS: a status without a known code',
      s3Errors,
      () => ofS3(507, aws('Odd')),
      { kind: 'unreachable', nativeCode: 'Odd', isRetryable: true },
    ],
  ];

  it.each(cases)('%s', async (_name, table, fail, expected) => {
    const native = await fail();
    const failure = translate(table, native);
    expect(failure).toMatchObject(expected);
    const { server, ...rest } = failure;
    expect(
      inspect({ ...rest, text: failure.message, cause: failure.cause, stack: failure.stack }),
    ).not.toContain(secret);
    expect(inspect(failure.cause, { depth: 9, showHidden: true })).not.toContain(secret);
    expect(failure.cause).not.toBe(native);
    expect(server?.message ?? '').not.toContain(secret);
  });

  it.each([
    ['pg', postgresErrors, (port: number) => caught(new pg.Client({ ...login, port }).connect())],
    ['mysql2', mySqlErrors, (port: number) => caught(mysql.createConnection({ ...login, port }))],
    ['AWS', s3Errors, fromS3],
  ] as const)('%s: a port where nothing listens', async (_driver, table, dial) => {
    const failure = translate(table, await dial(await findFreePort()));
    expect(failure).toMatchObject({ kind: 'unreachable', nativeCode: 'ECONNREFUSED', isRetryable: true });
  });
});

describe('translate', () => {
  const table: ErrorTable = {
    codeAt: ['code', 'errors.0.reason'],
    codes: { LISTED: { kind: 'too_large', message: 'Listed.' } },
    classes: {
      '4': { kind: 'unsupported', message: 'Four.' },
      '42': { kind: 'invalid_query', message: 'Forty-two.' },
    },
    statuses: {
      404: { kind: 'not_found', message: 'Absent.' },
      5: { kind: 'unreachable', message: 'Down.' },
    },
    driverTexts: [['Own text', { kind: 'timeout', message: 'Late.' }]],
    tellsAuthor: { message: 'message' },
    fallback: { kind: 'protocol_error', message: 'Unknown.' },
  };
  const failing = (members: object, message = 'native') => Object.assign(new Error(message), members);

  it.each([
    ['the code before all else', { code: 'LISTED', status: 404 }, 'Listed.', 'LISTED'],
    ['a code at a deeper place', { errors: [{ reason: 'LISTED' }] }, 'Listed.', 'LISTED'],
    ['the longest class', { code: '42P01' }, 'Forty-two.', '42P01'],
    ['a shorter class', { code: '4X' }, 'Four.', '4X'],
    ['a status', { status: 404 }, 'Absent.', '404'],
    ['a class of statuses', { $metadata: { httpStatusCode: 599 } }, 'Down.', '599'],
    ['nothing of the kind', { code: 'constructor', status: 1 }, 'Unknown.', 'constructor'],
    ['a code that is a sentence', { code: 'no such thing' }, 'Unknown.', undefined],
  ])('finds %s', (_what, members, message, nativeCode) => {
    expect(translate(table, failing(members))).toMatchObject({ message, nativeCode });
  });

  it('finds a driver’s own text where no code is listed', () => {
    const failure = translate(table, failing({ code: 'ODD' }, 'Own text, and more'));
    expect(failure).toMatchObject({ kind: 'timeout', server: undefined });
  });

  it('shows a server’s words only with a meaning that its own code has', () => {
    expect(translate(table, failing({ code: '42' }, 'near x')).server?.message).toBe('near x');
    const fallback = { kind: 'invalid_query', message: 'Query.' } as const;
    expect(translate({ ...table, fallback }, failing({ code: 'ODD' }, '/home/me')).server).toBeUndefined();
  });

  it('knows failures of the network and of TLS within five causes', () => {
    const wrapped = new Error('fetch failed', { cause: failing({ code: 'ECONNRESET' }) });
    expect(translate(table, wrapped)).toMatchObject({ kind: 'unreachable', nativeCode: 'ECONNRESET' });
    const expired = failing({ code: 'CERT_HAS_EXPIRED' });
    expect(translate(table, expired).remedy).toMatch(/rootCertificates/);
    expect(translate({ ...table, tlsRemedy: 'Renew.' }, expired).remedy).toBe('Renew.');
  });

  it('passes on a ConnectorError within five causes, and no deeper', () => {
    const own = new ConnectorError('egress_refused', 'No.');
    const within = (causes: number): unknown =>
      causes === 0 ? own : new Error('wrapped', { cause: within(causes - 1) });
    expect(translate(table, within(4))).toBe(own);
    expect(translate(table, within(5)).message).toBe('Unknown.');
  });

  it('says cancelled, or timeout, of whatever fails after the call was aborted', () => {
    const failure = failing({ code: 'LISTED' });
    expect(translate(table, failure, AbortSignal.abort()).kind).toBe('cancelled');
    const late = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    expect(translate(table, failure, late).kind).toBe('timeout');
    expect(translate(table, failure, new AbortController().signal).kind).toBe('too_large');
  });

  it.each([undefined, null, 'text', 7, {}, [1]])('answers for %j, which is not an error', (thrown) => {
    expect(translate(table, thrown)).toMatchObject({ kind: 'protocol_error', nativeCode: undefined });
  });
});
