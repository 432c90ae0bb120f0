import type { Socket } from 'node:net';
import { flood, startFakeServer } from '@mooring/connectors/suite/fake-server';
import {
  answered,
  dataRow,
  described,
  done,
  notice,
  rowDescription,
  TEXT,
  turnsOf,
  welcome,
} from '@mooring/connectors/suite/postgres-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('a hostile database server', () => {
  let server: TestServer;
  let source: Awaited<ReturnType<typeof startFakeServer>>;
  let mallory: TestUser;
  let connection: string;
  let answers: readonly Buffer[] = [];
  let harm: (socket: Socket) => void = () => undefined;

  beforeAll(async () => {
    server = await startServer({ configuration: { limits: { testSeconds: 5, idleSeconds: 5 } } });
    mallory = await addUser(server.url, server.adminKey, 'mallory');
    source = await startFakeServer(
      turnsOf((turn, socket) => {
        const answer = answers[turn];
        if (answer) socket.write(answer);
        if (turn === answers.length) harm(socket);
      }),
    );
    const made = await mallory.api.post('/api/v1/data-connections', {
      dataSourceId: 'postgres',
      qName: 'harm',
      connectionProperties: {
        ...{ host: source.host, port: String(source.port), db: 'x', sslmode: 'disable' },
        ...{ username: 'mallory', password: 'a-password-of-hers' },
      },
    });
    expect(made.status, made.text).toBe(201);
    connection = `/api/v1/data-connections/${made.body.qID}/actions`;
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const signedIn = [welcome];
  const reading = [...signedIn, done('BEGIN'), described(['a', TEXT])];
  const bytes = (hex: string) => Buffer.from(hex, 'hex');
  const many = (socket: Socket) => {
    socket.write(answered(rowDescription([['a', TEXT]])));
    flood(socket, dataRow('x'));
  };
  it.each([
    ['TR16: nine bytes to the start-up', [], (socket: Socket) => socket.write(bytes('450000000853414243'))],
    ['TR16: nine bytes to a read', reading, (socket: Socket) => socket.write(bytes('450000000853414243'))],
    [
      'TR16: messages without a length',
      signedIn,
      (socket: Socket) => socket.write(Buffer.alloc(65_535, bytes('4e00000000'))),
    ],
    ['TR18: endless rows to our own statement', signedIn, many],
    ['TR18: rows without end', reading, (socket: Socket) => flood(socket, dataRow('x'))],
    ['TR18: notices without end', reading, (socket: Socket) => flood(socket, notice)],
    [
      'TR18: a notice of 1 GB',
      signedIn,
      (socket: Socket) => {
        socket.write(bytes('4e40000000'));
        flood(socket, Buffer.alloc(65_536, 'x'));
      },
    ],
    ['TR25: a catalogue without rows', signedIn, (socket: Socket) => socket.write(answered(done('SET')))],
    [
      'TR25: a catalogue with other columns',
      signedIn,
      (socket: Socket) =>
        socket.write(
          Buffer.concat([answered(rowDescription([['x', TEXT]]), dataRow('y')), done('SELECT 1')]),
        ),
    ],
  ])('becomes an error message, while others are served: %s', async (_title, before, act) => {
    answers = before;
    harm = act;
    const action = before === reading ? 'preview' : 'browse';
    const failing = mallory.api.post(
      `${connection}/${action}`,
      action === 'preview' ? { query: 'select 1' } : { path: [] },
    );
    const since = performance.now();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(performance.now() - since).toBeLessThan(1_000);
    const { status, body } = await failing;
    expect([422, 424], JSON.stringify(body)).toContain(status);
    expect(body.errors[0]).toMatchObject({
      code: expect.stringMatching(/^SOURCE-(PROTOCOL-ERROR|TOO-LARGE)$/),
    });
    expect(body.errors[0].detail ?? body.errors[0].title).toMatch(/[a-z]{4}/);
  });
});
