import type { Socket } from 'node:net';
import { afterEach } from 'vitest';
import { Secret } from '../../../interface/secret.js';
import { allBatches, Bench, failureOf, type TestInput, type TestSession } from '../../../suite/bench.js';
import { type FakeServer, startFakeServer } from '../../../suite/fake-server.js';
import { DOUBLE, ok, prepared, turnsOf, VAR_STRING } from '../../../suite/mysql-server.js';
import { source } from '../source.js';

export const password = 'canary-hostile-71cd';

export const MEBIBYTE = 1_048_576;
export const browse = (session: TestSession) => session.browse({ path: [], limit: 5 });
export const read = (session: TestSession) =>
  session.read({ query: 'select 1', batchRows: 50 }).then(allBatches);

/** What a server is asked, what it answers well before, the number its next packet has, and what brings it there. */
type Moment = readonly [string, readonly Buffer[], number, (session: TestSession) => Promise<unknown>];
export const setUp = [ok(2), ok(1), ok(1)];
export const reading = [...setUp, ok(1)];
export const moments: readonly Moment[] = [
  ['the sign-in', [], 2, browse],
  ['the set-up of the session', [ok(2)], 1, browse],
  ['browsing', setUp, 1, browse],
  ['browsing, once prepared', [...setUp, prepared(VAR_STRING, VAR_STRING)], 1, browse],
  ['the begin of a read', setUp, 1, read],
  ['the preparation of a read', reading, 1, read],
  ['the execution of a read', [...reading, prepared(VAR_STRING)], 1, read],
  ['the execution of a read in binary', [...reading, prepared(DOUBLE)], 1, read],
];

/** Sessions with scripted servers, which end with their test. Call it once per file. */
export function hostileSessions() {
  let server: FakeServer | undefined;
  let bench: Bench | undefined;
  afterEach(async () => {
    bench?.network.close();
    await server?.close();
  });

  async function against(serve: (socket: Socket) => void, sslmode = 'disable') {
    server = await startFakeServer(serve);
    const input: TestInput = {
      properties: { host: server.host, port: server.port, sslmode },
      login: { signIn: 'password', fields: { username: 'alice', password: new Secret(password) } },
    };
    bench = new Bench(source, { good: input });
    return { server, bench, input };
  }

  async function outcomeAt([, before, , work]: Moment, harm: (socket: Socket) => void, greet?: Buffer) {
    const made = await against(
      turnsOf((turn, socket) => {
        const answer = before[turn];
        if (answer) socket.write(answer);
        if (turn === before.length) harm(socket);
      }, greet),
    );
    const error = await failureOf(made.bench.within(work, { signal: AbortSignal.timeout(5_000) }));
    await made.server.close();
    return { error, sent: made.server.sent() };
  }

  return { against, outcomeAt };
}
