import { expect, it } from 'vitest';
import { sha256 } from '../../../core/crypto/digest.js';
import { apiClient } from '../../../testing/api-client.js';
import { adminKey, startServer } from '../../../testing/start-server.js';

const tokenOf = (url: string, client: { clientId: string; clientSecret: string }) =>
  apiClient(url, undefined).post('/oauth/token', {
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_secret: client.clientSecret,
  });

it('TR22: the store holds no hash of a key against which a word list could be tried', async () => {
  const server = await startServer();
  try {
    const admin = apiClient(server.url, adminKey);
    const client = (await admin.post('/api/v1/oauth-clients', { clientName: 'c', appType: 'web' })).body;
    const stored = await server.storedText();
    for (const secret of [adminKey, client.clientSecret]) expect(stored).not.toContain(sha256(secret));
  } finally {
    await server.close();
  }
});

it('TR22: keys and client secrets of version 0.1.0 still work, and their bare hashes are gone', async () => {
  const server = await startServer();
  try {
    const admin = apiClient(server.url, adminKey);
    const client = (await admin.post('/api/v1/oauth-clients', { clientName: 'c', appType: 'web' })).body;
    // As 0.1.0 left it: bare hashes, and no hash key of the store.
    await server.sql(`update api_key set token_hash = '${sha256(adminKey)}'`);
    await server.sql(`update oauth_client_secret set secret_hash = '${sha256(client.clientSecret)}'`);
    await server.sql("delete from vault_key where state = 'own'");
    await server.restart();
    expect((await admin.get('/api/v1/users/me')).status).toBe(200);
    expect((await tokenOf(server.url, client)).status).toBe(200);
    await server.restart();
    expect((await admin.get('/api/v1/users/me')).status).toBe(200);
  } finally {
    await server.close();
  }
});

it('TR21: a bare hash planted in the store is not a valid key, also after a restart', async () => {
  const server = await startServer();
  try {
    const admin = apiClient(server.url, adminKey);
    const planted = 'planted-key-7f3a9c1e5b8d2046';
    await admin.post('/api/v1/api-keys', { description: 'mine' });
    await server.sql(`update api_key set token_hash = '${sha256(planted)}' where description = 'mine'`);
    expect((await apiClient(server.url, planted).get('/api/v1/users/me')).status).toBe(401);
    await server.restart();
    expect((await apiClient(server.url, planted).get('/api/v1/users/me')).status).toBe(401);
    expect((await admin.get('/api/v1/users/me')).status).toBe(200);
  } finally {
    await server.close();
  }
});

it.each([
  'administrator-of-mooring',
  'Passw0rd1234567',
  'a1a1a1a1a1a1a1a1a1a1a1a1a1a1',
  '012345678901234567890123456789',
])('TR22: refuses the weak key %s for the first administrator', async (weak) => {
  await expect(startServer({ environment: { MOORING_ADMIN_KEY: weak } })).rejects.toThrow('too weak');
});
