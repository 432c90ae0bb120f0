import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { type FakeServer, startFakeServer } from '@mooring/connectors/suite/fake-server';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { seededInt } from '@mooring/lab/seeded';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, addUser, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { healthDuring } from './health-poll.js';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { isAlive, processorSeconds, runnersOf, textsInMemory } from './runner-memory.js';

// Whatever a source sends, it harms only the use that asked for it.

const runnerMb = 256;
let lab: LabPostgres;
let mooring: MooringProcess;
let admin: ApiClient;
const servers: FakeServer[] = [];

beforeAll(async () => {
  lab = await startPostgres({ rowsInBig: 1 });
  mooring = await startMooring({
    // Longer than a crowded machine needs to end what stands still.
    configuration: { limits: { runnerMemory: runnerMb, testSeconds: 60, idleSeconds: 60 } },
    environment: { NODE_OPTIONS: harmful },
  });
  admin = apiClient(mooring.url, mooring.adminKey);
});
afterAll(async () => {
  await mooring.stop();
  await lab.close();
  await Promise.all(servers.map((server) => server.close()));
});

/** As long as it is killed for, and what a start and the record take. */
const killMs = full(300_000, 2_000);
const killing = { timeout: killMs + 300_000 };

let made = 0;

async function connect(api: ApiClient, port: number, more: object = {}): Promise<string> {
  const { user: username, password } = lab.roles.reader;
  const connectionProperties = {
    host: '127.0.0.1',
    port,
    db: lab.database,
    sslmode: 'disable',
    username,
    password,
  };
  made += 1;
  const answer = await api.post('/api/v1/data-connections', {
    ...{ datasourceID: 'postgres', qName: `connection ${made}` },
    connectionProperties: { ...connectionProperties, ...more },
  });
  expect(answer.status, answer.text).toBe(201);
  return `/api/v1/data-connections/${answer.body.qID}`;
}

const query = 'SELECT n, md5(n::text) AS text FROM generate_series(1, 100) AS n';
const previewOf = (api: ApiClient, connection: string) =>
  api.post(`${connection}/actions/preview`, { query });
const codeOf = ({ status, body }: Answer): string =>
  body?.errors?.[0]?.code ?? body?.stages?.at(-1)?.code ?? String(status);

/** What no driver is known to do any more, done inside a runner on a signal. */
const harm = `
process.on('SIGWINCH', () => { for (;;); });
process.on('SIGURG', () => { const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 20, 1)); });
process.on('SIGIO', () => setImmediate(() => { throw new Error('canary of an error'); }));
`;
const harmful = `--import=data:text/javascript;base64,${Buffer.from(harm).toString('base64')}`;

/** Takes connections, and says nothing. @returns `count`: connections that are open; `seen`: all so far */
async function startSilent(): Promise<{ port: number; count(): number; seen(): number }> {
  let count = 0;
  let seen = 0;
  const server = await startFakeServer((socket) => {
    count += 1;
    seen += 1;
    socket.once('close', () => {
      count -= 1;
    });
  });
  servers.push(server);
  return { port: server.port, count: () => count, seen: () => seen };
}

const runnersWith = (secret: string) =>
  runnersOf(mooring.pid).filter((pid) => textsInMemory(pid, [secret]).length > 0);

describe('what goes wrong in a runner', () => {
  const uses = (api: ApiClient, connection: string) => [
    api.post(`${connection}/actions/test`),
    previewOf(api, connection),
    api.post(`${connection}/actions/browse`, {}),
    api.post(`${connection}/actions/read`, { query }),
  ];

  it.each([
    ['TR16: a loop that never turns again', 'SIGWINCH', 'kept the runner busy without end'],
    ['TR18: memory without end', 'SIGURG', 'exceeded the memory limit'],
    ['LI13: an uncaught exception', 'SIGIO', 'made the runner fail'],
  ] as const)('%s ends its runner, and nothing else', async (what, signal, words) => {
    const attacker = (await addUser(mooring.url, mooring.adminKey, `attacker by ${signal}`)).api;
    const silent = await startSilent();
    const honest = await connect(admin, lab.port);
    const password = `canary-of-the-attacker-by-${signal}`;
    const hostile = await connect(attacker, silent.port, { password });
    await previewOf(admin, honest);
    let isOver = false;
    const goOn = async () => {
      while (!isOver) {
        const answer = await previewOf(admin, honest);
        expect(answer.status, answer.text).toBe(200);
        await wait(50);
      }
    };
    const found: Answer[] = [];
    const attack = async () => {
      const begun = uses(attacker, hostile);
      await expect.poll(silent.count, { interval: 20 }).toBe(begun.length);
      for (const pid of runnersWith(password)) process.kill(pid, signal);
      found.push(...(await Promise.all(begun)));
      isOver = true;
    };
    const times = await healthDuring(mooring.url, () => Promise.all([attack(), goOn()]));
    expect(found.map(codeOf), what).toEqual(found.map(() => 'SOURCE-CRASHED'));
    expect(found.map(({ status }) => status)).toEqual([200, 424, 424, 424]);
    for (const { text } of found) expect(text).toContain(words);
    // Its loop never stands still; a quick run shares its processors with whatever else the machine does.
    expect(Math.max(...times)).toBeLessThan(full(100, 1_000));
    const record = await attacker.get('/api/v1/data-uses?limit=10');
    expect(record.body.data.map(({ result }: { result: string }) => result)).toEqual(found.map(codeOf));
    expect(mooring.logText()).not.toContain('canary of an error');
  });

  it('costs the user who crashed one no use of another source: the source has its own runner from then on', async () => {
    const user = (await addUser(mooring.url, mooring.adminKey, 'crashes one of two')).api;
    const silent = await startSilent();
    const password = 'canary-of-who-crashes-one-of-two';
    const hostile = await connect(user, silent.port, { password });
    const { user: username, password: goodPassword } = lab.persons[0] ?? lab.roles.alice;
    const good = await connect(user, lab.port, { username, password: goodPassword });
    const first = previewOf(user, hostile);
    await expect.poll(silent.seen, { interval: 20 }).toBe(1);
    for (const pid of runnersWith(password)) process.kill(pid, 'SIGKILL');
    expect(codeOf(await first)).toBe('SOURCE-CRASHED');
    // As many as one user has at once, and all of them at work.
    const reads = Array.from({ length: Math.max(2, availableParallelism()) }, () =>
      user.post(`${good}/actions/read`, { query: 'SELECT pg_sleep(2)' }),
    );
    await expect.poll(() => runnersWith(goodPassword).length, { interval: 20 }).toBe(reads.length);
    const second = previewOf(user, hostile);
    await expect.poll(silent.seen, { interval: 20 }).toBe(2);
    for (const pid of runnersWith(password)) process.kill(pid, 'SIGKILL');
    expect(codeOf(await second)).toBe('SOURCE-CRASHED');
    for (const { status } of await Promise.all(reads)) expect(status).toBe(200);
  });
});

describe('a runner', () => {
  it('is of one user from their first login on: no secret of another, and none of the service, is in it', async () => {
    const users = await Promise.all(
      ['alice', 'bob'].map((name) => addUser(mooring.url, mooring.adminKey, `${name} of the runners`)),
    );
    const { alice, bob } = lab.roles;
    const logins = [alice, bob];
    for (const [index, { api }] of users.entries()) {
      const login = logins[index] ?? alice;
      const connection = await connect(api, lab.port, { username: login.user, password: login.password });
      expect(codeOf(await previewOf(api, connection))).toBe('200');
    }
    const secrets = [
      ...logins.map(({ password }) => password),
      mooring.adminKey,
      ...users.map(({ key }) => key),
    ];
    const found = runnersOf(mooring.pid).map((pid) => ({ pid, texts: textsInMemory(pid, secrets) }));
    // Each password is in one of them, which shows that the search finds what exists.
    expect(found.flatMap(({ texts }) => texts).sort()).toEqual(logins.map(({ password }) => password).sort());
    expect(found.filter(({ texts }) => texts.length > 1)).toEqual([]);
  });

  it('takes a second read of one user to a second processor', async () => {
    const reader = (await addUser(mooring.url, mooring.adminKey, 'reader')).api;
    const connection = await connect(reader, lab.port);
    await previewOf(reader, connection);
    const atWork = async () =>
      /^mooring_runners\{state="at_work"\} (\d+)$/m.exec((await admin.get('/metrics')).text)?.[1];
    await expect.poll(atWork).toBe('0');
    const long = 'SELECT pg_sleep(2)';
    const reads = [1, 2].map(() => reader.post(`${connection}/actions/read`, { query: long }));
    await expect.poll(atWork, { interval: 20 }).toBe('2');
    for (const { status } of await Promise.all(reads)) expect(status).toBe(200);
  });

  it(
    'fails nothing but the uses in it when it is killed, and each is in the usage log with an end',
    killing,
    async () => {
      const users = await Promise.all(
        Array.from({ length: 3 }, (_, index) => addUser(mooring.url, mooring.adminKey, `busy ${index}`)),
      );
      const endsAt = performance.now() + killMs;
      const answers: string[] = [];
      const work = async (api: ApiClient) => {
        const connection = await connect(api, lab.port);
        while (performance.now() < endsAt) answers.push(codeOf(await previewOf(api, connection)));
      };
      const random = seededInt();
      let kills = 0;
      const killAtRandom = async () => {
        while (performance.now() < endsAt) {
          await wait(random(50, 250));
          const all = runnersOf(mooring.pid);
          const pid = all.length === 0 ? undefined : all[random(0, all.length)];
          if (pid === undefined) continue;
          process.kill(pid, 'SIGKILL');
          kills += 1;
        }
      };
      await Promise.all([...users.map(({ api }) => work(api)), killAtRandom()]);
      const failed = answers.filter((code) => code !== '200');
      expect(new Set(failed)).toEqual(new Set(['SOURCE-CRASHED']));
      expect(failed.length).toBeLessThanOrEqual(kills);
      expect(answers.length).toBeGreaterThan(failed.length);
      const results: string[] = [];
      for (const { id, api } of users) {
        let page: string | undefined = `/api/v1/data-uses?userId=${id}&limit=1000`;
        while (page !== undefined) {
          const { body }: Answer = await api.get(page);
          results.push(...body.data.map(({ result }: { result: string }) => result));
          page = body.links.next?.href;
        }
      }
      expect(results).not.toContain('started');
      expect(results.filter((result) => result === 'SOURCE-CRASHED').length).toBe(failed.length);
    },
  );

  it('ends with its service, also when that is killed and its own loop never turns again', async () => {
    const other = await startMooring({ environment: { NODE_OPTIONS: harmful } });
    const api = apiClient(other.url, other.adminKey);
    const silent = await startSilent();
    const connection = await connect(api, silent.port);
    const hung = api.post(`${connection}/actions/browse`, {}).catch(() => undefined);
    await expect.poll(silent.count, { interval: 20 }).toBe(1);
    const pids = runnersOf(other.pid);
    const [busy = 0] = pids;
    process.kill(busy, 'SIGWINCH');
    const before = processorSeconds(busy);
    await expect.poll(() => processorSeconds(busy) - before, { interval: 20 }).toBeGreaterThan(0.5);
    await other.kill();
    await hung;
    await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([]);
    await other.stop();
  });
});
