import { describe, expect, it } from 'vitest';
import { allBatches, CLOSE_MS_MAX, failureOf } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { bigRows, oddNames } from './__fixtures__/files.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { harness } from './harness.js';
import { source } from './source.js';

const server = realServer();
const { rowsOf, openFails } = server;

describeSource(source, { start: () => harness.on(server.lab) });

const listed = (path: string[], limit = 1_000) =>
  server.bench.within((session) => session.browse({ path, limit }));

describe('files over SFTP', () => {
  it('reads a file of many pieces in order', async () => {
    const rows = await rowsOf({ path: ['data', 'big.csv'] });
    expect(rows).toHaveLength(bigRows);
    expect(rows.findIndex(([value], index) => value !== String(index))).toBe(-1);
  });

  it('reads Parquet by ranges, and leaves no handle open', async () => {
    await server.bench.within(async (session) => {
      for (let round = 0; round < 3; round += 1) {
        const stream = await session.read({
          path: ['data', 'numbers.parquet'],
          columns: ['text'],
          batchRows: 10_000,
        });
        const rows = (await allBatches(stream)).flat();
        expect([rows.length, rows[39_999]]).toEqual([40_000, ['text 39999']]);
      }
    });
  });

  it('returns bytes of a file, whole and in part', async () => {
    await server.bench.within(async ({ use }) => {
      const text = async (range?: { from: number; to?: number }) => {
        const { signal } = new AbortController();
        const stream = await use.bytes(
          { path: ['data', 'orders.csv'], ...(range ? { range } : {}) },
          { signal },
        );
        const chunks: Uint8Array[] = [];
        for await (const chunk of stream.chunks) chunks.push(chunk);
        return [stream.name, stream.size, stream.range, Buffer.concat(chunks).toString()];
      };
      const [name, size, range, whole] = await text();
      expect([name, size, range]).toEqual(['orders.csv', 53, undefined]);
      expect(await text({ from: 3, to: 6 })).toEqual([
        'orders.csv',
        53,
        { from: 3, to: 6 },
        String(whole).slice(3, 7),
      ]);
      expect((await text({ from: 48 }))[3]).toBe(String(whole).slice(48));
      expect((await failureOf(text({ from: 53 }))).kind).toBe('invalid_query');
    });
  });

  it('lists sizes and times, and what links lead to, but nothing that cannot be read', async () => {
    const { items } = await listed(['data']);
    expect(items.find(({ name }) => name === 'orders.csv')).toEqual({
      name: 'orders.csv',
      kind: 'file',
      path: ['data', 'orders.csv'],
      container: false,
      readable: true,
      sizeBytes: 53,
      modified: '2023-11-14T22:13:20.000Z',
    });
    const links = await listed(['links']);
    expect(links.items.map(({ name, kind, sizeBytes }) => [name, kind, sizeBytes])).toEqual([
      ['folder', 'folder', undefined],
      ['linked.csv', 'file', 53],
    ]);
    expect(await rowsOf({ path: ['links', 'folder', 'orders.csv'], limit: 1 })).toEqual([['0', 'n0']]);
  });

  it('lists and reads odd names', async () => {
    await server.bench.within(async (session) => {
      const { items } = await session.browse({ path: ['odd'], limit: 100 });
      expect(items.map(({ name }) => name)).toEqual(oddNames.toSorted());
      for (const { path } of items) {
        expect(await allBatches(await session.read({ path, batchRows: 5 }))).toEqual([[['1', 'a']]]);
      }
    });
  });

  it('pages through a folder without leaving out or repeating a name', async () => {
    await server.bench.within(async (session) => {
      const names: string[] = [];
      let page: string | undefined;
      do {
        const answer = await session.browse({
          path: ['many'],
          limit: 60,
          ...(page === undefined ? {} : { page }),
        });
        names.push(...answer.items.map(({ name }) => name));
        page = answer.next;
      } while (page !== undefined);
      expect(names).toEqual(
        Array.from({ length: 250 }, (_, index) => `${String(index).padStart(3, '0')}.csv`),
      );
    });
  });

  it('says what prevents a read, and the session remains usable', async () => {
    await server.bench.within(async (session) => {
      const kindOf = async (...path: string[]) =>
        (await failureOf(session.read({ path, batchRows: 1 }).then(allBatches))).kind;
      expect(await kindOf('shut', 'secret.csv')).toBe('permission_denied');
      expect(await kindOf('data')).toBe('invalid_query');
      expect(await kindOf('links', 'pipe.csv')).toBe('unsupported');
      expect(await kindOf('links', 'dangling.csv')).toBe('not_found');
      expect(await kindOf('links', 'circle.csv')).toBe('not_found');
      expect(await kindOf('data', '..', 'shut', 'secret.csv')).toBe('invalid_query');
      expect(await kindOf('data/orders.csv')).toBe('invalid_query');
      expect((await session.browse({ path: ['data'], limit: 1 })).items).toHaveLength(1);
    });
  });

  it('reads below the folder of the connection, and tells when there is none', async () => {
    const folder = `${server.lab.home}/data`;
    const absolute = inputFor(server.lab, { properties: { folder: `${folder}/` } });
    expect(await rowsOf({ path: ['orders.csv'], limit: 1 }, absolute)).toEqual([['0', 'n0']]);
    const missing = inputFor(server.lab, { properties: { folder: 'no such folder' } });
    const error = await server.bench.within((session) => failureOf(session.ping()), { input: missing });
    expect(error.kind).toBe('not_found');
  });

  it('leaves a transfer midway without a late failure, and the session can be used on', async () => {
    await server.bench.within(async (session) => {
      for (let round = 0; round < 3; round += 1) {
        const { batches } = await session.read({ path: ['data', 'slow.csv'], batchRows: 1 });
        for await (const batch of batches) {
          expect(batch).toHaveLength(1);
          break;
        }
      }
      expect((await session.browse({ path: [], limit: 1 })).items).toHaveLength(1);
    });
    expect(await server.bench.network.idle(CLOSE_MS_MAX)).toBe(true);
  });
});

describe('who the server is', () => {
  it('tells product, version and host key', async () => {
    const { sha256 } = server.lab.hostKeys.ed25519;
    const found = await server.bench.within((session) => session.ping());
    expect(found.server?.product).toBe('OpenSSH');
    expect(found.hostKey).toEqual({ algorithm: 'ssh-ed25519', sha256 });
  });

  it('refuses a server without a pinned key before anything of the login is sent, and tells its fingerprint', async () => {
    const error = await openFails({ properties: { publicKeyFingerprint: undefined } });
    expect(error.kind).toBe('host_key_refused');
    expect(error.message).toContain(server.lab.hostKeys.ed25519.sha256);
    expect(error.remedy).toContain('administrator');
  });

  it('asks for the key of the pinned type, by key or by fingerprint, and refuses any other', async () => {
    const { ecdsa, rsa, ed25519 } = server.lab.hostKeys;
    const pins = [
      [{ publicKey: ecdsa.line }, 'ecdsa-sha2-nistp256'],
      [{ publicKey: `example.com ${rsa.line} comment` }, 'ssh-rsa'],
      [{ publicKey: rsa.line.split(' ')[1] }, 'ssh-rsa'],
      [{ publicKeyFingerprint: rsa.sha256, publicKeyAlgorithm: 'RSA' }, 'ssh-rsa'],
      [{ publicKeyFingerprint: `${ed25519.sha256}=` }, 'ssh-ed25519'],
    ] as const;
    for (const [pin, algorithm] of pins) {
      const input = inputFor(server.lab, { properties: { publicKeyFingerprint: undefined, ...pin } });
      const found = await server.bench.within((session) => session.ping(), { input });
      expect(found.hostKey?.algorithm).toBe(algorithm);
    }
    const wrong = await openFails({ properties: { publicKeyFingerprint: rsa.sha256 } });
    expect([wrong.kind, wrong.message.includes(ed25519.sha256)]).toEqual(['host_key_refused', true]);
  });

  it('signs in by keys of each type and format, with and without a passphrase', async () => {
    const { lab, bench } = server;
    const keys = [
      lab.alice.key,
      await lab.addKey('ecdsa', { passphrase: 'a passphrase' }),
      await lab.addKey('rsa', { bits: 2_048 }),
      await lab.addKey('rsa', { bits: 2_048, pem: true, passphrase: 'another passphrase' }),
      await lab.addKey('ecdsa', { pem: true }),
    ];
    for (const key of keys)
      await bench.within((session) => session.ping(), { input: inputFor(lab, { key }) });
    const wrong = await openFails({ key: { ...(keys[1] as (typeof keys)[0]), passphrase: 'wrong' } });
    expect([wrong.kind, wrong.nativeCode]).toEqual(['auth_failed', 'SSH_KEY_NOT_OPENED']);
  });
});
