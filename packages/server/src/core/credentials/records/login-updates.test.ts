import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { Secret } from '@mooring/connectors/interface/secret';
import type { SignInMethod } from '@mooring/connectors/interface/sign-in';
import { manifests } from '@mooring/connectors/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstStart } from '../../../start/first-start.js';
import { newUuid } from '../../crypto/random.js';
import { plain } from '../../oauth/__fixtures__/plain-secrets.js';
import { migrate, openStore, type Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import { createVault } from '../../vault/envelope.js';
import { loadMasterKey, newKey } from '../../vault/keyring.js';
import { tokenHasher } from '../../vault/token-hashes.js';
import { insertCredential, shredCredential } from './credential-records.js';
import { createLoginUpdates, purgeUndoCopies } from './login-updates.js';

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';
const manifest = manifests.find(({ id }) => id === 'postgres') as SourceManifest;
const method = manifest.signIns.find(({ required }) => required.includes('password')) as SignInMethod;
const at = '2026-01-01T00:00:00.000Z';
const due = '2026-01-02T00:00:00.000Z';

describe('former secrets', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-former-'));
  const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
  let store: Store;
  let owner: { id: string; tenant_id: string };

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    await firstStart(store, tokenHasher(newKey()), 'test-administrator-key-0123456789');
    owner = await store.db.selectFrom('user').select(['id', 'tenant_id']).executeTakeFirstOrThrow();
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const credential = async (): Promise<CredentialTable> => {
    const id = newUuid();
    await store.transaction((tx) =>
      insertCredential(tx, vault, {
        id,
        tenantId: owner.tenant_id,
        ownerId: owner.id,
        sourceId: manifest.id,
        name: id,
        separated: true,
        connectionId: null,
        signIn: method.id,
        destination: 'postgres; host=one',
        secrets: { login: { username: 'someone', password: 'first' } },
        at,
        by: { userId: owner.id },
      }),
    );
    return store.db.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  };
  const logins = () => createLoginUpdates({ store, vault });
  const undoCopies = async ({ id }: CredentialTable) =>
    (
      await store.db
        .selectFrom('secret')
        .select('version')
        .where('record_id', '=', id)
        .where('field', '=', 'undo')
        .execute()
    ).map(({ version }) => version);
  /** As the feature does it. */
  const change = async (row: CredentialTable, password: string, undoUntil: string) => {
    const prepared = await logins().prepare(row, manifest, method, { qPassword: new Secret(password) });
    const id = newUuid();
    await store.transaction(async (tx) => {
      const common = { id, tenant_id: owner.tenant_id, user_id: owner.id, created_at: at };
      await tx
        .insertInto('credential_change')
        .values({ ...common, status: 'switched', report: '[]', undo_until: undoUntil })
        .execute();
      expect(await logins().switchLogin(tx, prepared, { by: { userId: owner.id }, at })).toBe(true);
      const item = { tenant_id: owner.tenant_id, change_id: id, credential_id: row.id };
      await tx
        .insertInto('credential_change_item')
        .values({ ...item, version_before: prepared.versionRead })
        .execute();
    });
    return { id, versionBefore: prepared.versionRead };
  };

  it('are destroyed when their time is over, and not before', async () => {
    const row = await credential();
    const { id, versionBefore } = await change(row, 'second', due);
    await purgeUndoCopies(store, new Date(Date.parse(due) - 1));
    expect(await undoCopies(row)).toEqual([versionBefore]);
    await purgeUndoCopies(store, new Date(due));
    expect(await undoCopies(row)).toEqual([]);
    const { status } = await store.db
      .selectFrom('credential_change')
      .select('status')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(status).toBe('final');
    expect(await store.transaction((tx) => logins().restore(tx, row, versionBefore, at))).toBe(false);
  });

  it('of a later change outlive the purge of an earlier one', async () => {
    const row = await credential();
    await change(row, 'second', due);
    const later = await change(row, 'third', '2026-02-01T00:00:00.000Z');
    await purgeUndoCopies(store, new Date(due));
    expect(await undoCopies(row)).toEqual([later.versionBefore]);
    expect(await store.transaction((tx) => logins().restore(tx, row, later.versionBefore, at))).toBe(true);
  });

  it('go with their credential', async () => {
    const row = await credential();
    await change(row, 'second', due);
    await store.transaction((tx) => shredCredential(tx, row));
    expect(await undoCopies(row)).toEqual([]);
  });

  it('stay out of reach when nothing of the transaction was committed', async () => {
    const [first, second] = [await credential(), await credential()];
    const stale = await logins().prepare(second, manifest, method, { qPassword: new Secret('new') });
    const fresh = await logins().prepare(first, manifest, method, { qPassword: new Secret('new') });
    await change(second, 'of another request', due);
    const entered = { by: { userId: owner.id }, at };
    const together = store.transaction(async (tx) => {
      expect(await logins().switchLogin(tx, fresh, entered)).toBe(true);
      if (!(await logins().switchLogin(tx, stale, entered))) throw new Error('changed since');
    });
    await expect(together).rejects.toThrow('changed since');
    expect(await undoCopies(first)).toEqual([]);
    const again = await logins().prepare(first, manifest, method, {});
    expect(plain(again.login.fields)).toMatchObject({ password: 'first' });
  });
});
