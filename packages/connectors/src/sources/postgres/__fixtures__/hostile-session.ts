import type { Socket } from 'node:net';
import { afterEach, expect } from 'vitest';
import { ConnectorError } from '../../../interface/errors.js';
import { Secret } from '../../../interface/secret.js';
import { allBatches, Bench, type TestInput, type TestSession } from '../../../suite/bench.js';
import { type FakeServer, startFakeServer } from '../../../suite/fake-server.js';
import { described, done, TEXT, turnsOf, welcome } from '../../../suite/postgres-server.js';
import { source } from '../source.js';

export const password = 'canary-hostile-93ab';

export const MEBIBYTE = 1_048_576;
export const ping = (session: TestSession) => session.ping();
export const browse = (session: TestSession) => session.browse({ path: [], limit: 5 });
export const read = (session: TestSession) =>
  session.read({ query: 'select 1', batchRows: 50 }).then(allBatches);
export const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
export const column = ['a', TEXT] as const;

type Moment = readonly [
  title: string,
  before: readonly Buffer[],
  work: (session: TestSession) => Promise<unknown>,
];

/** What a server is asked, what it answers well before, and what brings it there. */
export const moments: readonly Moment[] = [
  ['the start-up', [], ping],
  ['a ping', [welcome], ping],
  ['browsing', [welcome], browse],
  ['the begin of a read', [welcome], read],
  ['the description of a read', [welcome, done('BEGIN')], read],
  ['rows', [welcome, done('BEGIN'), described(column)], read],
];

/** Sessions with scripted servers, which end with their test. Call it once per file. */
export function hostileSessions() {
  let server: FakeServer | undefined;
  let bench: Bench | undefined;
  afterEach(async () => {
    bench?.network.close();
    await server?.close();
  });

  async function against(serve: Parameters<typeof startFakeServer>[0], sslmode: string) {
    server = await startFakeServer(serve);
    const input: TestInput = {
      properties: { host: server.host, port: server.port, db: 'shop', sslmode },
      login: { signIn: 'password', fields: { username: 'alice', password: new Secret(password) } },
    };
    bench = new Bench(source, { good: input });
    return { server, bench, input };
  }

  /** How a session comes out that is answered well up to a moment, and by `harm` from then on. */
  async function outcomeAt([, before, work]: (typeof moments)[number], harm: (socket: Socket) => void) {
    const made = await against(
      turnsOf((turn, socket) => {
        const answer = before[turn];
        if (answer) socket.write(answer);
        if (turn === before.length) harm(socket);
      }),
      'disable',
    );
    const working = made.bench.within(work, { signal: AbortSignal.timeout(5_000) });
    const error = await working.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await made.server.close();
    if (error !== undefined) expect(error).toBeInstanceOf(ConnectorError);
    return { error: error as ConnectorError | undefined, sent: made.server.sent() };
  }

  return { against, outcomeAt };
}
