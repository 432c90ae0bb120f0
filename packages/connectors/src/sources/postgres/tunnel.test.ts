import { type LabSsh, startSsh } from '@mooring/lab/ssh';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestOf } from '../../kit/manifest.js';
import { destinationOf, parseProperties } from '../../kit/properties.js';
import { endpointsOf } from '../../kit/typed-input.js';
import { allBatches, CLOSE_MS_MAX, expectNoSecrets, failureOf, waitUntil } from '../../suite/bench.js';
import { isRunning } from './__fixtures__/administration.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { source } from './source.js';

const server = realServer();
let ssh: LabSsh;
beforeAll(async () => {
  ssh = await startSsh();
});
afterAll(() => ssh.close());

const tunnel = () => ({
  tunnelHost: ssh.host,
  tunnelPort: ssh.port,
  tunnelPublicKeyFingerprint: ssh.hostKeys.ed25519.sha256,
});
const password = () => ({ tunnelUsername: ssh.alice.user, tunnelPassword: ssh.alice.password });
const through = (change: { properties?: object; fields?: object } = {}) =>
  inputFor(server.lab, {
    properties: { ...tunnel(), ...change.properties },
    fields: { ...password(), ...change.fields },
  });
const query = 'select count(*) as n from sales.big';
const count = (input = through()) =>
  server.bench.within(
    async (session) => (await allBatches(await session.read({ query, batchRows: 5 }))).flat(),
    {
      input,
    },
  );

describe('PostgreSQL through a tunnel', () => {
  it('reads with and without TLS to the database, and dials the tunnel only', async () => {
    const { dialled } = server.bench.network;
    const before = dialled.length;
    expect(await count()).toEqual([['20000']]);
    expect(await count(through({ properties: { sslmode: 'disable' } }))).toEqual([['20000']]);
    expect([...new Set(dialled.slice(before))]).toEqual([`${ssh.host}:${ssh.port}`]);
  });

  it('reads more than the tunnel holds at once, in order', async () => {
    const all = await server.bench.within(
      async (session) =>
        (
          await allBatches(
            await session.read({
              query: 'select id, repeat(md5(id::text), 20) from sales.big order by id',
              batchRows: 1_000,
            }),
          )
        ).flat(),
      { input: through() },
    );
    expect(all).toHaveLength(20_000);
    expect(all.findIndex(([id], index) => String(id) !== String(index + 1))).toBe(-1);
  });

  it('signs in to the tunnel by a key, and tells the host key of the tunnel', async () => {
    const key = await ssh.addKey('ecdsa', { passphrase: 'a passphrase' });
    const input = through({
      fields: {
        tunnelPassword: undefined,
        tunnelPrivateKey: [{ name: 'id', value: key.privateKey }],
        tunnelPrivateKeyPassphrase: key.passphrase,
      },
    });
    const found = await server.bench.within((session) => session.ping(), { input });
    expect(found.server?.product).toBe('PostgreSQL');
    expect(found.hostKey?.sha256).toBe(ssh.hostKeys.ed25519.sha256);
  });

  it('stops the work at the source, and leaves nothing open', async () => {
    const stop = new AbortController();
    await server.bench.within(
      async (session) => {
        const read = failureOf(
          session.read({ query: 'select pg_sleep(120) as slow_tunnel_work', batchRows: 1 }).then(allBatches),
        );
        expect(await waitUntil(() => isRunning(server.lab, 'slow_tunnel_work'), 10_000)).toBe(true);
        stop.abort();
        expect((await read).kind).toBe('cancelled');
      },
      { input: through(), signal: stop.signal },
    );
    expect(await waitUntil(async () => !(await isRunning(server.lab, 'slow_tunnel_work')), 2_000)).toBe(true);
    expect(await waitUntil(async () => (await ssh.sessions()) === 0, 2_000)).toBe(true);
  });

  it('tells failures of the tunnel from those of the source', async () => {
    const { lab, bench } = server;
    const cases = [
      [{ properties: { tunnelPublicKeyFingerprint: undefined } }, 'host_key_refused', undefined],
      [
        { properties: { tunnelPublicKeyFingerprint: ssh.hostKeys.rsa.sha256 } },
        'host_key_refused',
        undefined,
      ],
      [{ fields: { tunnelPassword: 'wrong-tunnel-canary' } }, 'auth_failed', 'SSH_SIGN_IN_REFUSED'],
      [{ properties: { tunnelPort: 9 } }, 'unreachable', undefined],
      [{ properties: { port: 9 } }, 'unreachable', 'SSH_FORWARDING_FAILED'],
      [{ fields: { password: 'wrong-source-canary' } }, 'auth_failed', '28P01'],
    ] as const;
    for (const [change, kind, code] of cases) {
      const error = await failureOf(bench.open(through(change)));
      expect([error.kind, code && error.nativeCode], JSON.stringify(change)).toEqual([kind, code]);
      expectNoSecrets(error, [ssh.alice.password, lab.roles.reader.password, 'canary']);
      expect(await bench.network.idle(CLOSE_MS_MAX)).toBe(true);
    }
  });

  it('ends with the tunnel', async () => {
    const other = await startSsh({ settings: ['AllowTcpForwarding no'] });
    const refused = through({
      properties: { tunnelPort: other.port, tunnelPublicKeyFingerprint: other.hostKeys.ed25519.sha256 },
      fields: { tunnelPassword: other.alice.password },
    });
    const error = await failureOf(server.bench.open(refused));
    expect([error.kind, error.nativeCode]).toEqual(['permission_denied', 'SSH_FORWARDING_REFUSED']);
    await other.close();

    const dying = await startSsh();
    const input = through({
      properties: { tunnelPort: dying.port, tunnelPublicKeyFingerprint: dying.hostKeys.ed25519.sha256 },
      fields: { tunnelPassword: dying.alice.password },
    });
    await server.bench.within(
      async (session) => {
        const read = failureOf(
          session.read({ query: 'select pg_sleep(120) as dying_tunnel', batchRows: 1 }).then(allBatches),
        );
        expect(await waitUntil(() => isRunning(server.lab, 'dying_tunnel'), 10_000)).toBe(true);
        await dying.close();
        expect((await read).kind).toBe('unreachable');
      },
      { input },
    );
  });
});

describe('the properties of a tunnel', () => {
  const manifest = manifestOf(source);
  const definition = {
    host: 'db',
    db: 'shop',
    tunnelHost: 'bastion',
    tunnelPublicKeyFingerprint: `SHA256:${'A'.repeat(43)}`,
  };
  const problemsOf = (given: object) => {
    const parsed = parseProperties(manifest, given as Record<string, unknown>);
    return parsed.ok ? [] : parsed.problems.map(({ property }) => property);
  };

  it('lead to the tunnel, which is dialled, and through it to the source, which is not', () => {
    const ends = endpointsOf(source, definition, {});
    expect(ends.map(({ role, host, port, security, via }) => [role, host, port, security, via])).toEqual([
      ['tunnel', 'bastion', 22, 'ssh', undefined],
      ['data', 'db', 5432, 'starttls', 'tunnel'],
    ]);
    const direct = endpointsOf(source, { host: 'db', db: 'shop' }, {});
    expect(direct.map(({ role, via }) => [role, via])).toEqual([['data', undefined]]);
  });

  it('are another destination with another host, port or host key, and none without a tunnel', () => {
    const of = (change: object) => destinationOf(manifest, { ...definition, ...change });
    const changes = [
      { tunnelHost: 'other' },
      { tunnelPort: 2222 },
      { tunnelPublicKeyFingerprint: `SHA256:${'B'.repeat(43)}` },
    ];
    for (const change of changes) expect(of(change)).not.toBe(of({}));
    expect(of({ tunnelPublicKeyAlgorithm: 'RSA' })).toBe(of({}));
    const parsed = parseProperties(manifest, { host: 'db', db: 'shop' });
    expect(parsed.ok && destinationOf(manifest, parsed.value.definition)).not.toContain('tunnel');
  });

  it('are refused without a tunnel, or when they contradict each other', () => {
    expect(problemsOf({ host: 'db', db: 'shop', tunnelPort: 22 })).toEqual(['tunnelPort']);
    expect(problemsOf({ ...definition, tunnelPublicKey: ssh.hostKeys.rsa.line })).toEqual([
      'tunnelPublicKeyFingerprint',
    ]);
    expect(problemsOf(definition)).toEqual([]);
  });

  it('need a login for the tunnel, and only then', () => {
    const [method] = manifest.signIns;
    const lacking = (given: object, login: object) =>
      method?.lacking?.(given as never, login as never).map(({ property }) => property);
    expect(lacking({}, {})).toEqual([]);
    expect(lacking(definition, {})).toEqual(['tunnelUsername', 'tunnelPassword']);
    expect(lacking(definition, { tunnelUsername: 'a', tunnelPassword: 'b' })).toEqual([]);
  });
});
