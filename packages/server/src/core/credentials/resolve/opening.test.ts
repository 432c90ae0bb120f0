import { inspect } from 'node:util';
import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { Secret } from '@mooring/connectors/interface/secret';
import type { SignInMethod } from '@mooring/connectors/interface/sign-in';
import { metaOf } from '@mooring/connectors/kit/properties';
import { hideSecrets } from '@mooring/connectors/kit/secret-fields';
import { manifests } from '@mooring/connectors/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser } from '../../../testing/api-client.js';
import {
  type OpenedServer,
  openedServer,
} from '../../../web/features/connections/__fixtures__/opened-server.js';
import type { Caller } from '../../access/caller.js';
import { createCatalogue } from '../../catalogue/catalogue.js';
import { createSourceSettings } from '../../catalogue/source-settings.js';
import { plain } from '../../oauth/__fixtures__/plain-secrets.js';
import type { Tx } from '../../store/queryable.js';
import { secretRow } from '../../vault/sealed-fields.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import type { StoredGrant } from '../grants/grant-state.js';
import type { Grants } from '../grants/grants.js';
import { endIn, enqueue } from '../grants/revocation-queue.js';
import { renewGrant, replaceCredential, shredCredential } from '../records/credential-records.js';
import { loadSecret, openLogin, replaceSecret, sealContext } from '../records/sealed-secrets.js';
import { newSignIn } from '../sign-ins/sign-in-request.js';
import { addSignIn, changeWhile, endSignIn } from '../sign-ins/sign-in-store.js';
import { configurationOfCredential, configurationToRevoke } from './credential-configuration.js';
import { loadUse } from './load-use.js';
import { createOpenForUse } from './open-login.js';
import { resolutionForUse } from './resolve.js';

// A use is resolved and opened from what one statement loads, so each condition is part of that statement, and what is
// opened is what was resolved.

let opened: OpenedServer;
let connectionId: string;
const manifest = manifests.find(({ id }) => id === 'postgres') as SourceManifest;
const userId = async () => (await opened.admin.get('/api/v1/users/me')).body.id as string;

beforeAll(async () => {
  opened = await openedServer();
  await addUser(opened.url, opened.adminKey, 'other');
});
afterAll(() => opened.close());

const asOwner = { name: '', roles: [], keyId: '', keyKind: 'api-key' } as const;

async function loaded() {
  const { store, tenantId } = opened;
  const caller = { ...asOwner, userId: await userId(), tenantId };
  const use = await loadUse(store.db, caller, connectionId);
  return { use, resolution: resolutionForUse(caller, use, manifest) };
}

const open = ({ use, resolution }: Awaited<ReturnType<typeof loaded>>) => {
  const { store, vault } = opened;
  return createOpenForUse({ store, vault, grants: {} as Grants, clients: {} })(use, manifest, resolution);
};

const made = async (qName: string, more: object = {}) => {
  const answer = await opened.admin.post('/api/v1/data-connections', {
    ...{ datasourceID: 'postgres', qName },
    connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'canary-of-an-opening-6', ...more },
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.body;
};

const separated = (credentialsName: string) => ({ separateCredentials: true, credentialsName });
const moved = `update connection set suspended_at = '2026-01-01T00:00:00.000Z'`;
const other = `(select id from "user" where subject = 'other')`;

it.each([
  ['only another destination is confirmed', false, `update credential_destination set destination = 'x'`],
  ['another user has moved the connection', false, moved],
  ['the credential is deleted', false, 'delete from credential'],
  ['the link is deleted', true, 'delete from credential_link'],
  ['another user is linked', true, `update credential_link set user_id = ${other}`],
  ['the credential belongs to another user', true, `update credential set owner_id = ${other}`],
  ['the connection keeps a login of its own', true, 'update connection set separated = 0'],
])('TR5, TR8: nothing is opened when %s', async (what, isSeparated, statement) => {
  connectionId = (await made(what, isSeparated ? separated(what) : {})).qID;
  expect(await open(await loaded())).toMatchObject({ ok: true });
  opened.sql(statement);
  const after = await loaded();
  const state = isSeparated || what === 'the credential is deleted' ? 'missing' : 'needs_confirmation';
  expect(await open(after)).toMatchObject({ ok: false, resolution: { state } });
  // It does not even leave the store.
  expect(after.use.sealedLogin).toBeUndefined();
});

it('TR5, TR8: what was resolved is opened, whatever changes afterwards; a sealed login that is gone is reported', async () => {
  connectionId = (await made('resolved', separated('resolved'))).qID;
  const before = await loaded();
  opened.sql('delete from credential');
  const result = await open(before);
  if (!result.ok) throw new Error('it was not opened');
  expect(plain(result.login.fields)).toMatchObject({ password: 'canary-of-an-opening-6' });
  expect(JSON.stringify(result) + inspect(result, { depth: 12 })).not.toContain('canary');
  connectionId = (await made('gone')).qID;
  opened.sql(`delete from secret where field = 'login'`);
  expect(await open(await loaded())).toMatchObject({ ok: false, resolution: { state: 'unreadable' } });
});

it('TR5: the secret of a client renews no grant while it waits for who gave it, and ends one all the same', async () => {
  const { qID } = (
    await opened.admin.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: 'client' },
      connectionProperties: {
        ...{ url: 'http://127.0.0.1:9/', authSchema: 'oauth2ClientCredentials', clientId: 'c' },
        ...{ tokenUrl: 'http://127.0.0.1:9/token', clientSecret: 'canary-of-an-opening-8' },
      },
    })
  ).body;
  const { store, vault } = opened;
  const row = await store.db
    .selectFrom('credential')
    .selectAll()
    .where('connection_id', '=', qID)
    .executeTakeFirstOrThrow();
  const catalogue = createCatalogue(manifests, createSourceSettings(store));
  const deps = { vault, catalogue, clients: {} };
  const secret = { client: { clientId: 'c', clientSecret: 'canary-of-an-opening-8' } };
  expect(plain(await configurationOfCredential(store.db, deps, row))).toMatchObject(secret);
  opened.sql(`update connection set suspended_at = '2026-01-01T00:00:00.000Z' where id = '${qID}'`);
  expect(await configurationOfCredential(store.db, deps, row)).toBeUndefined();
  expect(plain(await configurationToRevoke(store.db, deps, row))).toMatchObject(secret);
});

it.each(manifests.map((each) => [each.id, each] as const))(
  'TR13: every secret of %s is hidden when it is opened, and sealed as what it is',
  (_, each) => {
    const canary = 'canary-of-a-secret-property';
    const names = Object.keys(each.properties.shape).filter((name) => metaOf(each, name).secret);
    const given = Object.fromEntries(names.map((name) => [name, [{ name, value: canary }]]));
    const owned = { id: 'c', tenant_id: 't', owner_id: 'u' };
    const context = sealContext(owned, 'login', 1);
    const row = secretRow(context, opened.vault.seal(hideSecrets(each, given), context));
    const login = openLogin(opened.vault, owned, row, each);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(login[name], name).toBeInstanceOf(Secret);
    expect(plain(login)).toEqual(given);
    expect(JSON.stringify(login) + inspect(login, { depth: 12, showHidden: true })).not.toContain(canary);
  },
);

it('sealed fields are found by tenant and owner too: the id alone is not enough', async () => {
  const { qCredentialsID: id } = await made('sealed');
  const row = { id, tenant_id: opened.tenantId, owner_id: await userId() };
  const { db } = opened.store;
  expect(await loadSecret(db, row, 'login')).toBeDefined();
  expect(await loadSecret(db, { ...row, owner_id: 'another user' }, 'login')).toBeUndefined();
  expect(await loadSecret(db, { ...row, tenant_id: 'another tenant' }, 'login')).toBeUndefined();
  expect(await loadSecret(db, { ...row, id: 'another' }, 'login')).toBeUndefined();
});

describe('with the id alone', () => {
  const at = new Date(0).toISOString();
  const later = '9999-01-01T00:00:00.000Z';
  const setup: ClientConfiguration = {
    preset: { tokenEndpoint: 'https://p.example/token', scopes: [], clientAuthentication: 'none' },
    client: { clientId: 'c' },
  };
  let ids: { userId: string; credentialId: string; signInId: string; revocationId: string };

  beforeAll(async () => {
    const { store, vault, tenantId } = opened;
    const caller = { userId: await userId(), tenantId } as Caller;
    const { qCredentialsID: credentialId } = await made('changed by its owner only');
    const begun = newSignIn(
      { caller, manifest, method: { id: 'm' } as SignInMethod, setup, destination: 'there' },
      { context: 'c', state_hash: 'h', redirect_uri: '', created_at: at, expires_at: later },
    );
    await addSignIn(store, vault, begun, ['verifier', new Secret('canary-of-an-opening-9')]);
    const revocationId = await store.transaction(async (tx) => {
      const credential = { ...begun, id: credentialId, owner_id: caller.userId, name: '' };
      const sealed = { setup, token: new Secret('canary-of-an-opening-7') };
      const id = await enqueue(tx, store, vault, { credential, sealed });
      await tx.updateTable('revocation').set({ not_before: later }).where('id', '=', id).execute();
      return id;
    });
    ids = { userId: caller.userId, credentialId, signInId: begun.id, revocationId };
  });

  const changes: Record<string, (tx: Tx, owner: string) => Promise<unknown>> = {
    'seals another secret': async (tx, owner) =>
      replaceSecret(
        tx,
        opened.vault,
        { credential: await credentialOf(tx, owner), field: 'login' },
        { versionRead: 1, value: { username: 'x' } },
      ),
    'gives another login': async (tx, owner) => {
      const fresh = { signIn: 'other', destination: 'elsewhere', secrets: { login: { username: 'x' } } };
      const credential = await credentialOf(tx, owner);
      await replaceCredential(tx, opened.vault, credential, { ...fresh, at, by: { userId: owner } });
    },
    'gives another grant': async (tx, owner) => {
      const grant = { tokens: { accessToken: new Secret('a') }, issuedAt: 0 } as StoredGrant;
      await renewGrant(tx, opened.vault, await credentialOf(tx, owner), { grant, at });
    },
    'deletes the credential': async (tx, owner) => shredCredential(tx, await credentialOf(tx, owner)),
    'redeems the sign-in': (tx, owner) =>
      changeWhile(tx, signInOf(owner), 'pending', { status: 'redeeming' }),
    'ends the sign-in': (tx, owner) => endSignIn(tx, signInOf(owner), 'failed'),
    'ends the revocation': (tx, owner) => {
      const ref = { id: ids.revocationId, tenant_id: opened.tenantId, owner_id: owner };
      return endIn(tx, ref, 'failed', at);
    },
  };
  const credentialOf = async (tx: Tx, owner: string) => {
    const found = tx.selectFrom('credential').selectAll().where('id', '=', ids.credentialId);
    return { ...(await found.executeTakeFirstOrThrow()), owner_id: owner };
  };
  const signInOf = (owner: string) => ({ id: ids.signInId, tenant_id: opened.tenantId, user_id: owner });

  /** Whether anything of it is another afterwards; undone again. */
  const changesAnything = async (change: (tx: Tx) => Promise<unknown>): Promise<boolean> => {
    const tables = [
      'credential',
      'sign_in',
      'revocation',
      'secret',
      'grant_state',
      'credential_destination',
    ] as const;
    const all = async (tx: Tx) => {
      const rows = [];
      for (const table of tables) rows.push(await tx.selectFrom(table).selectAll().execute());
      return JSON.stringify(rows);
    };
    let isChanged = false;
    await opened.store
      .transaction(async (tx) => {
        const before = await all(tx);
        await change(tx).catch(() => undefined);
        isChanged = (await all(tx)) !== before;
        throw new Error('undone');
      })
      .catch(() => undefined);
    return isChanged;
  };

  it.each(Object.entries(changes))('%s of its user only', async (_, change) => {
    expect(await changesAnything((tx) => change(tx, 'another user'))).toBe(false);
    expect(await changesAnything((tx) => change(tx, ids.userId))).toBe(true);
  });
});
