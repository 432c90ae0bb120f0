import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../testing/api-client.js';
import { startServer, type TestServer } from '../testing/start-server.js';

// Every start begins with a round of clean-up, so tests put expired rows into the store and restart the server.

const past = '2020-01-01T00:00:00.000Z';
const events = full(1_000_000, 5_000);

describe('tidying', () => {
  let server: TestServer;
  let admin: ApiClient;
  let count = 0;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
  });
  afterAll(() => server.close());

  /** Sealed text that no key opens, as in a damaged store. */
  const sealed = (kind: string, id: string, field: string) =>
    server.sql(`insert into secret (tenant_id, record_kind, record_id, field, owner_id, version, key_id, wrapped_key, ciphertext)
      select tenant_id, '${kind}', '${id}', '${field}', "user".id, 1, vault_key.id, 'AAAA', 'damaged ${id} ${field}'
      from "user" cross join vault_key where subject = 'admin' and state = 'active'`);
  /** A former password that is due for deletion. @returns its text in the store */
  const dueUndoCopy = async () => {
    count += 1;
    const id = `changed-${count}`;
    await server.sql(`insert into credential_change (id, tenant_id, user_id, status, report, created_at, undo_until)
      select 'change-${count}', tenant_id, id, 'switched', '{}', '${past}', '${past}' from "user" where subject = 'admin'`);
    await server.sql(`insert into credential_change_item (tenant_id, change_id, credential_id, version_before)
      select id, 'change-${count}', '${id}', 1 from tenant`);
    await sealed('credential', id, 'undo');
    return `damaged ${id} undo`;
  };
  const dueSignIn = async (id: string, status: string) => {
    await server.sql(`insert into sign_in (id, tenant_id, user_id, source_id, sign_in, destination, context, state_hash,
        issuer_promised, redirect_uri, status, created_at, expires_at, device_interval, device_next_at)
      select '${id}', tenant_id, id, 'rest', 'oauth2', '', 'device', 'state of ${id}', 0, '', '${status}', '${past}',
        '${past}', 5, '${past}' from "user" where subject = 'admin'`);
    for (const field of status === 'arrived' ? ['device', 'tokens'] : ['grant'])
      await sealed('sign-in', id, field);
  };
  /** Searches the file: SQLite overwrites deleted rows once its log is moved. */
  const isStored = async (text: string) => (await server.storedText()).includes(text);
  const again = async () => {
    await server.restart();
    await expect.poll(() => admin.get('/api/v1/users/me').then(({ status }) => status)).toBe(200);
  };
  const failures = async () =>
    [
      ...(await admin.get('/metrics')).text.matchAll(
        /mooring_tidying_failures_total\{step="([^"]+)"\} (\d+)/g,
      ),
    ].map(([, step, times]) => `${step} ${times}`);

  it('LI6: ends unreadable sign-ins, and still destroys former passwords', async () => {
    const former = await dueUndoCopy();
    await dueSignIn('unreadable-device', 'arrived');
    await dueSignIn('unreadable-choice', 'needs_choice');
    expect(await isStored(former)).toBe(true);
    await again();
    await expect.poll(() => isStored(former)).toBe(false);
    for (const text of ['damaged unreadable-device', 'damaged unreadable-choice']) {
      await expect.poll(() => isStored(text)).toBe(false);
    }
    expect(await failures()).toEqual([]);
  });

  it('LI6: counts a failed step, and runs the others', async () => {
    const former = await dueUndoCopy();
    await server.sql('alter table sign_in rename to sign_in_away');
    await server.sql('alter table revocation rename to revocation_away');
    await again();
    await expect.poll(() => isStored(former)).toBe(false);
    await expect.poll(failures).toContain('revocations 1');
    expect(await failures()).toContain('unclaimed-sign-ins 1');
    await server.sql('alter table sign_in_away rename to sign_in');
    await server.sql('alter table revocation_away rename to revocation');
  });

  it(`NO3: forgets ${events} expired events, some in each round, and keeps the others`, async () => {
    await server.sql(`insert into audit_event (id, tenant_id, at, type, source, user_id, resource_id, data)
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${events})
      select 'due event ' || n, tenant.id, '${past}', 't', 's', 'u', 'r', '{}' from numbers cross join tenant`);
    const made = await admin.post('/api/v1/spaces', { name: 'Young', type: 'shared' });
    expect(made.status).toBe(201);
    const oldest = async () => (await admin.get('/api/v1/audits?sort=eventTime&limit=1')).body.data[0].id;
    expect(await oldest()).toContain('due event');
    await again();
    // A round ends the step after ten seconds, and the next one begins within the minute.
    await expect.poll(oldest, { timeout: full(300_000, 30_000), interval: 250 }).not.toContain('due event');
    const { data } = (await admin.get('/api/v1/audits?limit=100')).body;
    expect(data.map((event: { data: { name?: string } }) => event.data.name)).toContain('Young');
  }, 400_000);
});
