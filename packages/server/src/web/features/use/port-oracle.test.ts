import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { comparingTimes } from '@mooring/lab/comparing-times';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import {
  listenerOf,
  listening,
  median,
  type Ports,
  propertiesOf,
  sharedPorts,
  startPorts,
  timed,
} from './__fixtures__/ports.js';

// What tests and uses of a connection reveal about the ports of the operator's network.

describe('ports behind the service', comparingTimes, () => {
  const each = 50;
  const testSeconds = 3;
  let servers: Server[];
  let ports: Ports;
  let open: TestServer;
  let shut: TestServer;
  let inOpen: Awaited<ReturnType<typeof sharedPorts>>;
  let inShut: Awaited<ReturnType<typeof sharedPorts>>;

  beforeAll(async () => {
    ({ ports, servers } = await startPorts(each));
    // Longer than the three seconds, which must hold without it.
    const limits = { testSeconds, idleSeconds: 6 };
    open = await startServer({ configuration: { limits } });
    shut = await startServer({ configuration: { limits, egress: { loopback: 'deny' } } });
    inOpen = await sharedPorts(open);
    inShut = await sharedPorts(shut);
  });
  afterAll(async () => {
    await open.close();
    await shut.close();
    for (const server of servers) server.close();
  });

  const testAs = ({ api }: TestUser, id: string) => api.post(`/api/v1/data-connections/${id}/actions/test`);

  it('S09, S10: a user who may not edit learns neither which are open nor what they send', async () => {
    const { alice, connectTo } = inOpen;
    const few = 5;
    const kinds = { ...ports, refused: ports.open };
    const answers = new Set<string>();
    const tests: { kind: string; run: () => ReturnType<typeof testAs> }[] = [];
    for (const [kind, numbers] of Object.entries(kinds)) {
      const { bob, connectTo: connect } = kind === 'refused' ? inShut : inOpen;
      for (const port of numbers.slice(0, few)) {
        const id = await connect(port);
        tests.push({ kind, run: () => testAs(bob, id) });
      }
    }
    // All at once, so that whatever else the machine does meets all kinds alike.
    const tested = await Promise.all(tests.map(async ({ kind, run }) => ({ kind, ...(await timed(run)) })));
    for (const { result } of tested) answers.add(`${result.status} ${result.text}`);
    const times = Object.keys(kinds).map((kind) =>
      tested.filter((one) => one.kind === kind).map(({ ms }) => ms),
    );
    expect([...answers]).toEqual([
      `200 ${JSON.stringify({
        ok: false,
        stages: [
          {
            name: 'connection',
            ok: false,
            code: 'SOURCE-UNAVAILABLE',
            message: 'The connection does not work for you now.',
            remedy: 'Ask the owner of the connection.',
          },
        ],
      })}`,
    ]);
    const medians = times.map(median);
    expect(Math.max(...medians) / Math.min(...medians), JSON.stringify(times)).toBeLessThan(1.1);
    expect(Math.min(...medians)).toBeGreaterThan(testSeconds * 900);
    // The owner learns which is which, but not what the server said.
    const closed = await testAs(alice, await connectTo(ports.closed[20] ?? 0));
    expect(closed.body.stages.at(-1)).toMatchObject({ name: 'tcp', code: 'SOURCE-UNREACHABLE' });
    const spoken = await testAs(alice, await connectTo(ports.open[20] ?? 0));
    expect(spoken.body.stages.at(-1)).toMatchObject({ name: 'signIn', ok: false });
    for (const text of [spoken.text, open.logText()]) expect(text).not.toMatch(/SSH-2|hunter2/);
  });

  it('S09: behind a closed policy fifty open ports answer as fifty closed ones do, to every user', async () => {
    const { alice, bob, connectTo } = inShut;
    const unsaved = (port: number) =>
      alice.api.post('/api/v1/data-connections/actions/test', {
        dataSourceId: 'postgres',
        connectionProperties: propertiesOf(port),
      });
    const times: { open: number[]; closed: number[] } = { open: [], closed: [] };
    const answers = new Set<string>();
    await unsaved(ports.closed[0] ?? 0);
    // In turns, so that whatever else the machine does meets both alike.
    for (let index = 0; index < each; index += 1) {
      for (const kind of index % 2 === 0 ? (['open', 'closed'] as const) : (['closed', 'open'] as const)) {
        const { result, ms } = await timed(() => unsaved(ports[kind][index] ?? 0));
        answers.add(result.text.replace(/"ms":\d+/g, '"ms":0'));
        times[kind].push(ms);
      }
    }
    expect(answers.size, [...answers].join('\n')).toBe(1);
    const ratio = median(times.open) / median(times.closed);
    // Of a few milliseconds, what the machine does beside is more than a quarter; a network shows in tens of them.
    const apart = Math.abs(median(times.open) - median(times.closed));
    if (apart > 3) expect(Math.max(ratio, 1 / ratio), JSON.stringify(times)).toBeLessThan(1.25);
    const id = await connectTo(ports.open[30] ?? 0);
    const browse = ({ api }: TestUser) => api.post(`/api/v1/data-connections/${id}/actions/browse`);
    const [ofAlice, ofBob] = [await browse(alice), await browse(bob)];
    expect(ofAlice.body.errors[0].code).toBe('EGRESS-REFUSED');
    expect(ofBob.body.errors[0].code).toBe('SOURCE-UNAVAILABLE');
    // Each is in the audit log all the same, with its user.
    const events = await apiClient(shut.url, shut.adminKey).get(
      '/api/v1/audits?eventType=mooring.v1.destination.refused&limit=100',
    );
    const people = events.body.data.map((event: { userId: string }) => event.userId);
    expect(people).toEqual(expect.arrayContaining([alice.id, bob.id]));
  });

  it('TR12: browse, describe, preview, read and bytes report all of it with one code, one text and at one instant', async () => {
    const kinds = { ...ports, refused: ports.open };
    const actions = ['browse', 'describe', 'preview', 'read'] as const;
    const uses: { kind: string; run: () => ReturnType<typeof testAs> }[] = [];
    const accept = { accept: 'application/octet-stream' };
    for (const [kind, numbers] of Object.entries(kinds)) {
      const { alice, bob, connectTo, connectStore } = kind === 'refused' ? inShut : inOpen;
      const at = `/api/v1/data-connections/${await connectStore(numbers[13])}/actions`;
      const file = { path: ['a'] };
      if (kind === 'refused') await alice.api.post(`${at}/describe`, file);
      const read = (more: object) => () => bob.api.post(`${at}/read`, { ...file, ...more }, accept);
      uses.push({ kind: `bytes ${kind}`, run: read({}) });
      uses.push({ kind: `range ${kind}`, run: read({ range: [0, 9] }) });
      uses.push({ kind: `describe a file, ${kind}`, run: () => bob.api.post(`${at}/describe`, file) });
      for (const port of numbers.slice(10, 12)) {
        const id = await connectTo(port);
        for (const action of actions) {
          const body = action === 'browse' ? {} : { path: ['sales', 'orders'] };
          const run = () => bob.api.post(`/api/v1/data-connections/${id}/actions/${action}`, body);
          uses.push({ kind: `${action} ${kind}`, run });
        }
      }
    }
    // There is no HTTP listener either, and a session with a web address is opened without a request.
    for (const kind of ['closed', 'silent', 'open'] as const) {
      const path = `/api/v1/data-connections/${await inOpen.connectWeb(ports[kind][12])}/actions/preview`;
      // The first use loads the connector, which takes longer than what is compared here.
      if (kind === 'closed') await inOpen.alice.api.post(path, { path: [] });
      uses.push({ kind: `web ${kind}`, run: () => inOpen.bob.api.post(path, { path: [] }) });
    }
    const used = await Promise.all(uses.map(async ({ kind, run }) => ({ kind, ...(await timed(run)) })));
    const told = used.map(({ result }) => JSON.stringify([result.status, result.body.errors]));
    expect(new Set(told).size, told.join('\n')).toBe(1);
    expect(used[0]?.result.body.errors[0]).toMatchObject({
      code: 'SOURCE-UNAVAILABLE',
      detail: 'The connection does not work for you now. Ask the owner of the connection.',
    });
    const times = used.map(({ ms }) => ms);
    const table = used.map(({ kind, ms }) => `${kind} ${Math.round(ms)}`).join('\n');
    expect(Math.min(...times), table).toBeGreaterThanOrEqual(2_990);
    expect(Math.max(...times), table).toBeLessThan(3_600);
  });

  it('TR12: an open circuit breaker looks like any other network failure, in a rehearsal too', async () => {
    const { alice, bob, connectTo } = inOpen;
    const [closed, spoken] = [ports.closed[14] ?? 0, ports.open[14] ?? 0];
    const separate = (name: string) => ({
      separateCredentials: true,
      credentialsName: `${name} ${randomUUID()}`,
    });
    const embedded = await connectTo(closed);
    const path = `/api/v1/data-connections/${embedded}/actions/browse`;
    const login = { username: 'bob', password: 'bobs password' };
    const paused = await connectTo(closed, separate('paused'));
    const brought = await bob.api.put(`/api/v1/data-connections/${paused}/credential`, {
      ...{ credentialsName: `paused ${randomUUID()}`, connectionProperties: login },
    });
    // Something is there that takes connections, twice: a sign-in that failed there must not show in the second.
    const [first, second] = [await connectTo(spoken, separate('a')), await connectTo(spoken, separate('b'))];
    const there = await bob.api.put(`/api/v1/data-connections/${first}/credential`, {
      ...{ credentialsName: `there ${randomUUID()}`, connectionProperties: login },
    });
    const { credentialId } = there.body;
    await bob.api.put(`/api/v1/data-connections/${second}/credential`, { credentialId });
    for (let time = 0; time < 5; time += 1) await alice.api.post(path);
    expect((await alice.api.post(path)).body.errors[0].code).toBe('SOURCE-PAUSED');
    // A test need not wait for the end of a pause, but for another that is just finding out.
    const slow = listenerOf('');
    servers.push(slow);
    const found = once(slow, 'connection');
    await listening(slow, closed);
    const probe = testAs(alice, embedded);
    await found;
    const rehearse = (id: string) =>
      bob.api.post('/api/v1/data-credentials/actions/rehearse-change', {
        ...{ qIDs: [id], qPassword: 'another password' },
      });
    const [browsed, ofPaused, ofThere] = await Promise.all([
      timed(() => bob.api.post(path)),
      timed(() => rehearse(brought.body.credentialId)),
      timed(() => rehearse(credentialId)),
    ]);
    await probe;
    expect(browsed.result.body.errors[0].code).toBe('SOURCE-UNAVAILABLE');
    expect(browsed.result.headers.get('retry-after')).toBeNull();
    expect(browsed.ms).toBeGreaterThanOrEqual(2_990);
    const told = ({ body, text }: typeof ofPaused.result) => {
      expect(body.connections, text).toBeDefined();
      return body.connections.map((one: Record<string, unknown>) => [
        one['outcome'],
        one['code'],
        one['reason'],
      ]);
    };
    const coarse = ['failed', undefined, 'The new secret does not work on this connection.'];
    expect(told(ofPaused.result)).toEqual([coarse]);
    expect(told(ofThere.result)).toEqual([coarse, coarse]);
    expect(ofPaused.ms).toBeGreaterThanOrEqual(testSeconds * 990);
    expect(ofThere.ms).toBeGreaterThanOrEqual(2 * testSeconds * 990);
  });

  it('TR12: a sign-in at a host that the owner chose reports one error to users who may not edit, at one instant', async () => {
    const { alice } = inOpen;
    const page = await listenOnLoopback(0, () => (_request, response) => response.writeHead(404).end('no'));
    const at = (port: number | string) => `http://127.0.0.1:${port}`;
    const hosts = { closed: at(ports.closed[16] ?? 0), spoken: at(ports.open[16] ?? 0), page: page.url };
    const kinds: Record<string, { of: typeof inOpen; url: string }> = {
      ...Object.fromEntries(Object.entries(hosts).map(([kind, url]) => [kind, { of: inOpen, url }])),
      refused: { of: inShut, url: at(ports.open[16] ?? 0) },
    };
    const client = {
      url: 'http://127.0.0.1:9/',
      authSchema: 'oauth2',
      clientId: 'c',
      clientSecret: 'of a client',
    };
    const connect = async ({ of, url }: { of: typeof inOpen; url: string }, byIssuer: boolean) => {
      const endpoints = byIssuer
        ? { issuer: url }
        : { authorizationUrl: `${url}/authorize`, tokenUrl: `${url}/token` };
      const made = await of.alice.api.post('/api/v1/data-connections', {
        ...{ dataSourceId: 'rest', qName: `signs in ${randomUUID()}`, space: of.space },
        connectionProperties: { ...client, ...endpoints, separateCredentials: true },
      });
      expect(made.status, made.text).toBe(201);
      return `/api/v1/data-connections/${made.body.qID}/credential`;
    };
    const asked: { kind: string; run: () => ReturnType<typeof testAs> }[] = [];
    const signIns: { of: typeof inOpen; id: string }[] = [];
    for (const [kind, one] of Object.entries(kinds)) {
      const begins = await connect(one, true);
      asked.push({ kind: `begin ${kind}`, run: () => one.of.bob.api.put(begins, { authUrlOnly: true }) });
      const completes = await connect(one, false);
      const begun = await one.of.bob.api.put(completes, { authUrlOnly: true });
      expect(begun.status, begun.text).toBe(200);
      signIns.push({ of: one.of, id: begun.body.signInId });
      const connectionProperties = { authCode: `a-code-for-${kind}` };
      asked.push({
        kind: `complete ${kind}`,
        run: () => one.of.bob.api.put(completes, { connectionProperties }),
      });
    }
    const tried = await Promise.all(asked.map(async ({ kind, run }) => ({ kind, ...(await timed(run)) })));
    const told = tried.map(({ result }) => JSON.stringify([result.status, result.body.errors]));
    expect(new Set(told).size, told.join('\n')).toBe(1);
    expect(tried[0]?.result.body.errors[0].detail).toMatch(/ask the owner of the connection/);
    const times = tried.map(({ ms }) => ms);
    const table = tried.map(({ kind, ms }) => `${kind} ${Math.round(ms)}`).join('\n');
    expect(Math.min(...times), table).toBeGreaterThanOrEqual(testSeconds * 990);
    expect(Math.max(...times), table).toBeLessThan(testSeconds * 1_200);
    const states = await Promise.all(
      signIns.map(async ({ of, id }) => (await of.bob.api.get(`/api/v1/sign-ins/${id}`)).body),
    );
    expect(states.map(({ state, error }) => [state, error])).toEqual(
      states.map(() => ['pending', undefined]),
    );
    // A user who may edit learns at once what it is and what to do.
    const own = await connect({ of: inOpen, url: hosts.closed }, true);
    const ofAlice = await timed(() => alice.api.put(own, { authUrlOnly: true }));
    expect(ofAlice.result.body.errors[0].detail).toMatch(/could not be reached.*Check the OAuth client/);
    expect(ofAlice.ms).toBeLessThan(2_000);
    // A refused destination is in the audit log, with its user.
    const events = await apiClient(shut.url, shut.adminKey).get(
      '/api/v1/audits?eventType=mooring.v1.destination.refused&limit=100',
    );
    const operations = events.body.data.map(
      (event: { data: { operation?: string } }) => event.data.operation,
    );
    expect(operations).toContain('putConnectionCredential');
    await page.close();
  });
});
