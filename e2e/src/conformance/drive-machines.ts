import { apiClient } from '@mooring/server/testing/api-client';
import type auditFunctions from '@qlik/api/audits';
import type { HostConfig } from '@qlik/api/auth';
import type csrfFunctions from '@qlik/api/csrf-token';
import type clientFunctions from '@qlik/api/oauth-clients';
import type tokenFunctions from '@qlik/api/oauth-tokens';
import type tenantFunctions from '@qlik/api/tenants';
import type userFunctions from '@qlik/api/users';
import { expect } from 'vitest';
import { walkPages } from './paging.js';
import type { Run } from './run.js';

/** Creates confidential clients, obtains a token for one, and revokes it. */
export async function driveOAuth(run: Run, url: string): Promise<void> {
  const clients = run.driven<typeof clientFunctions>('oauth-clients');
  const tokens = run.driven<typeof tokenFunctions>('oauth-tokens');
  const users = run.driven<typeof userFunctions>('users');
  const allowed = { allowedScopes: ['user_default'], allowedGrantTypes: ['client_credentials' as const] };
  const robot = await clients.createOAuthClient({ appType: 'web', clientName: 'robot', ...allowed });
  const other = await clients.createOAuthClient({ appType: 'web', clientName: 'other', ...allowed });
  const { clientId, clientSecret } = robot.data;
  const listed = await clients.getOAuthClients({ limit: 1, sort: '+clientName', totalResults: true });
  expect(await walkPages(listed, (one) => one.clientId)).toEqual([other.data.clientId, clientId]);

  const hostConfig: HostConfig = { host: url, authType: 'oauth2', clientId, clientSecret, noCache: true };
  const me = await users.getMyUser({ hostConfig, noCache: true });
  const again = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  expect((await apiClient(url, undefined).post('/oauth/token', again)).status).toBe(200);
  const valid = await tokens.getOauthTokens({ limit: 1, userId: me.data.id, sort: 'userId' });
  const [token] = await walkPages(valid, (one) => one.id);
  await tokens.deleteOauthToken(String(token));

  await clients.patchOAuthClient(clientId, [{ op: 'replace', path: '/description', value: 'A robot' }]);
  expect((await clients.getOAuthClient(clientId)).data.description).toBe('A robot');
  const added = await clients.createOAuthClientSecret(clientId);
  await clients.deleteOAuthClientSecret(clientId, String(added.data.hint));
  await clients.deleteOAuthClient(clientId);
}

/** The tenant, the token for browsers, and audit events. */
export async function driveTenantAndAudits(run: Run): Promise<void> {
  const tenants = run.driven<typeof tenantFunctions>('tenants');
  const { data: mine } = await tenants.getMyTenant();
  expect((await tenants.getTenant(mine.id)).data.id).toBe(mine.id);
  const csrf = await run.driven<typeof csrfFunctions>('csrf-token').getCsrfToken();
  expect(csrf.headers.get('qlik-csrf-token')).toBeTruthy();

  const audits = run.driven<typeof auditFunctions>('audits');
  const eventTypes = (await audits.getAuditTypes()).data.data ?? [];
  expect(eventTypes.length).toBeGreaterThan(0);
  expect((await audits.getAuditSources()).data.data?.length).toBeGreaterThan(0);
  await audits.getAuditsSettings();
  const eventType = 'mooring.v1.space.created';
  const found = await audits.getAudits({ limit: 1, eventType, sort: '-eventTime' });
  const [id] = await walkPages(found, (one) => one.id);
  expect((await audits.getAudit(String(id))).data.eventType).toBe(eventType);
}
