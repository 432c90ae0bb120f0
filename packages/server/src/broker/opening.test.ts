import { manifests } from '@mooring/connectors/registry';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OpenedServer, openedServer } from '../features/connections/__fixtures__/opened-server.js';

import { createBroker } from './broker.js';
import { loadSecret } from './credential-records.js';
import type { Grants } from './grants.js';

// What stood when a credential was resolved may have changed when it is opened, so each condition stands again in the
// statement that loads the sealed fields.

let opened: OpenedServer;
let connectionId: string;
const manifest = manifests.find(({ id }) => id === 'postgres') as SourceManifest;
const userId = async () => (await opened.admin.get('/api/v1/users/me')).body.id as string;

beforeAll(async () => {
  opened = await openedServer();
});
afterAll(() => opened.close());

/** Opens the credential; `meanwhile` happens when it has been resolved. */
async function open(meanwhile: string) {
  const connection = await opened.store.db
    .selectFrom('connection')
    .selectAll()
    .where('id', '=', connectionId)
    .executeTakeFirstOrThrow();
  let isResolved = false;
  const afterFirst: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      if (!isResolved) {
        isResolved = true;
        opened.sql(meanwhile);
      }
      return result;
    },
  };
  const store = { ...opened.store, db: opened.store.db.withPlugin(afterFirst) };
  const broker = createBroker({ store, vault: opened.vault, grants: {} as Grants, clients: {} });
  return broker.open({ userId: await userId() }, connection, manifest);
}

it.each([
  ['nothing happens', 'select 1', true],
  [
    'only another destination is allowed',
    `update credential_destination set destination = 'elsewhere'`,
    false,
  ],
  [
    'somebody else moves the connection',
    `update connection set suspended_at = '2026-01-01T00:00:00.000Z'`,
    false,
  ],
  ['the credential is deleted', 'delete from credential', false],
])('TR5, TR8: when meanwhile %s', async (what, meanwhile, isOpened) => {
  const made = await opened.admin.post('/api/v1/data-connections', {
    ...{ datasourceID: 'postgres', qName: what },
    connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'canary-of-an-opening-6' },
  });
  connectionId = made.body.qID;
  const result = await open(meanwhile);
  expect(result.ok).toBe(isOpened);
  if (!result.ok) expect(result.resolution.state).toBe('unreadable');
});

it('sealed fields are found by tenant and owner too: whoever has the id alone gets nothing', async () => {
  const made = await opened.admin.post('/api/v1/data-connections', {
    ...{ datasourceID: 'postgres', qName: 'sealed' },
    connectionProperties: { host: 'h', db: 'd', username: 'u', password: 'canary-of-an-opening-7' },
  });
  const row = { id: made.body.qCredentialsID, tenant_id: opened.tenantId, owner_id: await userId() };
  const { db } = opened.store;
  expect(await loadSecret(db, row, 'login')).toBeDefined();
  expect(await loadSecret(db, { ...row, owner_id: 'somebody else' }, 'login')).toBeUndefined();
  expect(await loadSecret(db, { ...row, tenant_id: 'another tenant' }, 'login')).toBeUndefined();
  expect(await loadSecret(db, { ...row, id: connectionId }, 'login')).toBeUndefined();
});
