import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { adminKey } from '../../testing/start-server.js';
import { loadConfig } from '../config/config.js';
import { loadMaster, openFolder } from '../opening/open-store.js';
import type { Loss } from '../opening/unreadable-records.js';
import { type SealedThings, startSealedThings } from './__fixtures__/sealed-things.js';
import { backUp } from './back-up.js';
import { restore } from './restore.js';

// Every archive with every keyring, and without one: from before a rotation, from while both keys exist, from after the
// key was retired, and from after all keys were shredded.

const moments = ['before', 'rotated', 'retired', 'shredded'] as const;
type Moment = (typeof moments)[number];
/** The quick tier starts one of those that open the same records. */
const startedInQuick = [
  'before before',
  'rotated retired',
  'shredded shredded',
  'rotated before',
  'before shredded',
];

/** The kinds that `startSealedThings` has one of, at least. */
const everySealedKind = [
  ...['login', 'grant', 'sign-in', 'waiting-grant', 'revocation', 'idempotent-answer'],
  ...['signing-key', 'use-key'],
].toSorted();

const kindsOf = (losses: readonly Loss[]) => losses.map(({ kind }) => kind).toSorted();

describe('restore drills', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-drills-'));
  let things: SealedThings;

  const file = (name: string, moment: Moment) => path.join(folder, `${name}-${moment}`);
  const configOf = (data: string) => loadConfig({ data }, {});

  const backUpAt = async (moment: Moment) => {
    const config = configOf(things.server.dataFolder);
    await backUp({ config, archive: file('archive', moment), keyring: file('keyring', moment) });
  };

  beforeAll(async () => {
    things = await startSealedThings();
  });

  it('is backed up before a rotation, while both keys are there, after the first is retired, and after a shred', async () => {
    const { server } = things;
    const admin = apiClient(server.url, adminKey);
    const keys = async (): Promise<{ id: string; state: string; records: number }[]> =>
      (await admin.get('/api/v1/vault-keys')).body.data;
    const rotate = async () => {
      await admin.post('/api/v1/vault-keys/actions/rotate');
      await expect
        .poll(async () => (await keys()).filter(({ state, records }) => state === 'previous' && records > 0))
        .toEqual([]);
    };
    /** As if they had been replaced long ago. */
    const retire = async () => {
      await server.sql(
        "update vault_key set replaced_at = '2026-01-01T00:00:00.000Z' where state = 'previous'",
      );
      for (const { id, state } of await keys()) {
        if (state === 'previous') await admin.post(`/api/v1/vault-keys/${id}/actions/retire`);
      }
      expect((await keys()).map(({ state }) => state)).toEqual(['active']);
    };
    await backUpAt('before');
    await rotate();
    await backUpAt('rotated');
    await retire();
    await backUpAt('retired');
    await rotate();
    await retire();
    await backUpAt('shredded');
  });
  afterAll(async () => {
    await things.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const newFolder = (name: string): string => {
    const data = path.join(folder, name);
    mkdirSync(data, { mode: 0o700 });
    copyFileSync(path.join(things.server.dataFolder, 'master.key'), path.join(data, 'master.key'));
    return data;
  };

  const walkOn = async (data: string, isWhole: boolean) => {
    const there = await things.startOn(data);
    try {
      await things.walk(there.url, isWhole);
      await there.restart();
      expect((await apiClient(there.url, adminKey).get('/readyz')).status).toBe(200);
    } finally {
      await there.close();
    }
  };

  /** The keys that a moment has, and the one that everything is under then. */
  const keysAt: Record<Moment, { has: string[]; under: string }> = {
    before: { has: ['first'], under: 'first' },
    rotated: { has: ['first', 'second'], under: 'second' },
    retired: { has: ['second'], under: 'second' },
    shredded: { has: ['third'], under: 'third' },
  };
  const pairs = moments.flatMap((archive) => moments.map((keyring) => [archive, keyring] as const));

  it.each(pairs)(
    'LI1: the archive of %s with the keyring of %s: every flow works, or restore says what is lost',
    async (archive, keyring) => {
      const isWhole = keysAt[keyring].has.includes(keysAt[archive].under);
      const data = newFolder(`${archive}-${keyring}`);
      const losses = await restore({
        config: configOf(data),
        archive: file('archive', archive),
        keyring: file('keyring', keyring),
        isUnverified: false,
      });
      expect(kindsOf(losses)).toEqual(isWhole ? [] : everySealedKind);
      expect(readdirSync(data).toSorted()).toEqual(['master.key', 'mooring.db']);
      const started = full(pairs.length, startedInQuick.length);
      const isStarted = started === pairs.length || startedInQuick.includes(`${archive} ${keyring}`);
      if (isStarted) await walkOn(data, isWhole);
    },
  );

  it.each(moments.slice(1))(
    'LI1: the archive of %s without any keyring loses all that is sealed, and API keys',
    async (archive) => {
      const data = newFolder(`${archive}-without`);
      const request = { config: configOf(data), archive: file('archive', archive), isUnverified: true };
      expect(kindsOf(await restore(request))).toEqual([...everySealedKind, 'bearer-token'].toSorted());
    },
  );

  it('LI1: without any keyring the same is lost, and API keys with it', async () => {
    const data = newFolder('without');
    const request = { config: configOf(data), archive: file('archive', 'before') };
    await expect(restore({ ...request, isUnverified: false })).rejects.toThrow('cannot be checked');
    const losses = await restore({ ...request, isUnverified: true });
    expect(kindsOf(losses)).toEqual([...everySealedKind, 'bearer-token'].toSorted());
    const locked = await things.startOn(data);
    expect((await apiClient(locked.url, adminKey).get('/api/v1/users/me')).status).toBe(401);
    await locked.close();
    // As `mooring admin-key` does it.
    const { store, keyring } = await openFolder(
      data,
      (await loadMaster(configOf(data), true)).master,
      2 ** 32,
    );
    const token_hash = keyring.hashToken(adminKey);
    await store.db
      .updateTable('api_key')
      .set({ token_hash })
      .where('description', '=', 'First administrator')
      .execute();
    await store.close();
    const there = await things.startOn(data);
    const me = await apiClient(there.url, adminKey).get('/api/v1/users/me');
    expect(me.body, me.text).toMatchObject({ subject: 'admin' });
    expect((await apiClient(there.url, adminKey).get('/readyz')).status).toBe(200);
    await there.close();
  });
});
