import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import type { Session } from '../../interface/session.js';
import type { AnySource } from '../../interface/source.js';
import { leaks, sourceOf, tells, wellBehaved } from '../../suite/hostile-driver.js';
import { startToyServer, type ToyServer, toyPeople, toyUser } from '../../suite/toy-server.js';
import { toySource } from '../../suite/toy-source.js';
import { call, endable, failing, openOn, pathOf, rowsOf, timed, turn } from './test-stand.js';

const toy = toySource as unknown as AnySource;
let server: ToyServer;
beforeAll(async () => {
  server = await startToyServer({ items: toyPeople(50) });
});
afterAll(() => server.close());

const failureOf = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => Promise.reject(new Error('a failure was expected')),
    (error: unknown) => error as ConnectorError,
  );

describe('a use of a source with every ability', () => {
  it('proves the login, finds, describes and reads, and leaves nothing', async () => {
    let connections = 0;
    const onConnected = () => {
      connections += 1;
    };
    const { use, network } = await openOn(toy, server, { onConnected });
    expect(await use.ping(call())).toEqual({
      server: { product: 'Toy', version: '1.0' },
      ...{ account: toyUser, readOnly: 'enforced' },
    });
    const page = await use.browse({ path: ['main', 'items'], limit: 2, search: 'a' }, call());
    expect(page.items.map(({ name }) => name)).toEqual(['name', 'active']);
    expect(page.next).toBe('2');
    const described = await use.describe(pathOf('items'), call());
    const stream = await use.read({ target: pathOf('items'), batchRows: 7 }, call());
    expect(described.columns.map(({ native: _, ...column }) => column)).toEqual(stream.columns);
    expect(stream.file).toEqual({ format: 'ndjson' });
    expect(await rowsOf(stream)).toEqual(server.tables['items']?.rows);
    await use.close();
    expect([network.openSockets(), connections]).toEqual([0, 1]);
  });

  it('stops a statement at the source when its call ends, and is usable after', async () => {
    const { use } = await openOn(toy, server);
    const { options, end } = endable();
    const reading = use.read({ target: { query: 'sleep' }, batchRows: 1 }, options).then(rowsOf);
    const failure = failing(reading);
    await expect.poll(() => server.running()).toBe(1);
    end();
    expect((await failure).kind).toBe('cancelled');
    expect((await timed(use.ping(call()))).ms).toBeLessThan(500);
    expect(server.running()).toBe(0);
    await use.close();
  });

  it('leaves nothing of a statement to the next work', async () => {
    const { use } = await openOn(toy, server);
    const query = (text: string) => use.read({ target: { query: text }, batchRows: 1 }, call()).then(rowsOf);
    expect(await query('set x 1')).toEqual([['1']]);
    expect(await query('show x')).toEqual([[null]]);
    await use.close();
  });

  it('returns the bytes of a path, and ranges of them', async () => {
    const { use } = await openOn(toy, server);
    const bytesOf = async (range?: { from: number; to?: number }) => {
      const answer = await use.bytes({ path: ['main', 'items'], ...(range ? { range } : {}) }, call());
      const pieces: Uint8Array[] = [];
      for await (const piece of answer.chunks) pieces.push(piece);
      return { ...answer, bytes: Buffer.concat(pieces) };
    };
    const whole = await bytesOf();
    expect(whole.bytes.length).toBe(whole.size);
    const part = await bytesOf({ from: 10, to: 30 });
    expect(part.range).toEqual({ from: 10, to: 30 });
    expect(part.bytes).toEqual(whole.bytes.subarray(10, 31));
    for await (const _ of (await use.bytes({ path: ['main', 'items'] }, call())).chunks) break;
    await use.ping(call());
    await use.close();
  });
});

describe('a failure', () => {
  it('to sign in leaves nothing open, and says nothing of the server', async () => {
    const controller = new AbortController();
    const opening = openOn(toy, server, { password: 'wrong-password-1', signal: controller.signal });
    const failure = await failureOf(opening);
    expect(failure).toMatchObject({ kind: 'auth_failed', message: 'The toy server refused the login.' });
    expect(inspect(failure, { depth: 9 })).not.toContain('wrong-password-1');
    await expect.poll(() => server.connections()).toBe(0);
  });

  it('of a statement tells its author what the server says, unless that repeats a secret', async () => {
    const { use } = await openOn(toy, server);
    const saying = async (target: { query: string } | { path: string[] }) =>
      (await failureOf(use.read({ target, batchRows: 1 }, call()))).server;
    expect(await saying({ query: 'table nothing' })).toEqual({
      ...{ message: 'there is no table nothing', code: '42P01', position: 7 },
    });
    expect(await saying(pathOf('nothing'))).toBeUndefined();
    expect(await saying({ query: 'table toy-password-7Q' })).toBeUndefined();
    await use.close();
  });

  it('of the definition or of the driver is reported before anything is dialled', async () => {
    expect(await failing(openOn(toy, { host: server.host, port: 'x' as never }))).toMatchObject({
      kind: 'invalid_config',
    });
    const load = () => Promise.reject(new Error('no such module'));
    expect(await failing(openOn({ ...toy, load }, server))).toEqual({
      kind: 'driver_unavailable',
      message: 'The driver of Toy cannot be loaded.',
    });
  });

  it('never holds a secret that the driver has put into it', async () => {
    const password = 'pass word-"9é';
    const { use } = await openOn(
      sourceOf(() => tells(password)),
      server,
      { password },
    );
    const works = [
      () => use.browse({ path: [], limit: 1 }, call()),
      () => use.read({ target: pathOf('items'), batchRows: 1 }, call()),
    ];
    for (const work of works) {
      const failure = await failureOf(work());
      expect(failure.message).toBe('The driver failed.');
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('pass word');
    }
    const found = await use.ping(call());
    expect(found).toEqual({ notes: [{ text: 'two lines' }] });
    await use.close();
  });
});

it('cuts findings to lines of 200 characters', async () => {
  const ping = async () => ({ server: { product: 'a\u0000\n b', version: 'x'.repeat(400) }, pooler: true });
  const { use } = await openOn(
    sourceOf(() => ({ ...wellBehaved(), ping })),
    server,
  );
  expect(await use.ping(call())).toEqual({
    server: { product: 'a b', version: 'x'.repeat(200) },
    pooler: true,
  });
  await use.close();
});

it('removes the token it received from the texts of the source', async () => {
  const token = 'access-token-5d1';
  const open = async (input: { login: { token?: () => Promise<Secret<string>> } }): Promise<Session> => {
    const given = (await input.login.token?.())?.reveal();
    return { ...wellBehaved(), ping: async () => ({ account: `of ${given}`, pooler: false }) };
  };
  const source: AnySource = {
    ...sourceOf(wellBehaved),
    load: async () => ({ connector: { errors: { codes: {}, fallback: {} as never }, open: open as never } }),
  };
  const { use } = await openOn(source, server, { token: async () => new Secret(token) });
  expect(await use.ping(call())).toEqual({ pooler: false });
  await use.close();
});

it('closes what a driver has leaked: a socket, a request of an agent, an answer', async () => {
  const { use, network } = await openOn(sourceOf(leaks), server);
  await expect.poll(() => network.openSockets()).toBe(3);
  expect((await timed(use.close())).ms).toBeLessThan(500);
  expect(network.openSockets()).toBe(0);
});

describe('what a source cannot do', () => {
  it('is refused before anything is sent', async () => {
    const abilities = { ...toy.abilities, bytes: false, describe: 'no' as const };
    const browse = { ...toy.abilities.browse, search: false };
    const { use } = await openOn({ ...toy, abilities: { ...abilities, browse } }, server);
    const heard = server.heard.length;
    for (const work of [
      use.bytes({ path: ['x'] }, call()),
      use.describe(pathOf('items'), call()),
      use.browse({ path: [], limit: 1, search: 'x' }, call()),
    ])
      expect((await failing(work)).kind).toBe('unsupported');
    await turn();
    expect(server.heard.length).toBe(heard);
    await use.close();
  });

  it('is not returned in part: bytes that do not have the announced length fail', async () => {
    async function* chunks() {
      yield Buffer.from('abc');
    }
    for (const size of [2, 4]) {
      const bytes = async () => ({ name: 'x', size, chunks: chunks() });
      const { use } = await openOn(
        sourceOf(() => ({ ...wellBehaved(), bytes })),
        server,
      );
      const read = async () => {
        for await (const _ of (await use.bytes({ path: ['x'] }, call())).chunks);
      };
      expect((await failing(read())).kind).toBe('protocol_error');
      await use.close();
    }
  });
});
