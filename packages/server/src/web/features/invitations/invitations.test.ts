import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const day = 86_400_000;

describe('invitations', () => {
  let server: TestServer;
  let admin: ApiClient;
  let nobody: ApiClient;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    nobody = apiClient(server.url, undefined);
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const path = '/api/v1/invitations';
  const redeem = (token: string, description?: string) =>
    nobody.post(`${path}/actions/redeem`, { token, description });
  const refusal = ({
    status,
    body,
  }: {
    status: number;
    body: { errors: { code: string; detail: string }[] };
  }) => ({
    status,
    code: body.errors[0]?.code,
    detail: body.errors[0]?.detail,
  });

  it('TR4: lets a new user in once, with their own key and the assigned roles', async () => {
    const made = await admin.post(path, {
      name: 'Bob',
      email: 'bob@example.com',
      subject: 'bob',
      roles: ['DataAdmin'],
    });
    expect(made.status, made.text).toBe(201);
    const { id, userId, token, url, expiresAt } = made.body;
    expect(url).toBe(`${server.url}/console/setup#${token}`);
    expect(token).toMatch(/^mri_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(day - 60_000);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(day);

    const redeemed = await redeem(token, 'laptop');
    expect(redeemed.status, redeemed.text).toBe(201);
    expect(redeemed.body).toMatchObject({
      user: { id: userId, name: 'Bob', subject: 'bob', email: 'bob@example.com', roles: ['DataAdmin'] },
      apiKey: { awaitsApproval: false },
      otherKeys: 0,
    });
    const bob = apiClient(server.url, redeemed.body.apiKey.token);
    expect((await bob.get('/api/v1/users/me')).body.id).toBe(userId);
    expect((await bob.get('/api/v1/api-keys')).body.data).toMatchObject([
      {
        id: redeemed.body.apiKey.id,
        description: 'laptop',
        expiry: redeemed.body.apiKey.expiry,
        createdByUser: userId,
      },
    ]);

    expect(refusal(await redeem(token))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('If that was not you'),
    });
    const [listed] = (await admin.get(`${path}?userId=${userId}`)).body.data;
    expect(listed).toMatchObject({ id, status: 'redeemed', apiKeyId: redeemed.body.apiKey.id });
    expect(await server.storedText()).not.toContain(token);
    const events = (
      await admin.get(`/api/v1/audits?eventType=mooring.v1.invitation.redeemed&userId=${userId}`)
    ).body.data;
    expect(events).toMatchObject([{ userId, data: { apiKeyId: redeemed.body.apiKey.id } }]);
  });

  it('TR4: no user makes a key for another user, and the error names the invitation', async () => {
    for (const sub of [alice.id, 'f'.repeat(24)]) {
      const answer = await admin.post('/api/v1/api-keys', { description: 'x', sub });
      expect(refusal(answer)).toMatchObject({
        status: 403,
        detail: expect.stringContaining('POST /api/v1/invitations'),
      });
    }
    const own = await alice.api.post('/api/v1/api-keys', { sub: alice.id.toUpperCase() });
    expect(own.status, own.text).toBe(201);
    expect(own.body.sub).toBe(alice.id);
  });

  it('TR4: takes a name for its user once, whatever the case of the address, and each role once', async () => {
    const body = { name: 'Erin', email: 'Erin@Example.com', subject: 'team\\qlikbot\\erin' };
    const made = await admin.post(path, { ...body, roles: ['DataAdmin', 'AnalyticsAdmin', 'DataAdmin'] });
    expect(made.status, made.text).toBe(201);
    const { roles } = (await admin.get(`/api/v1/users/${made.body.userId}`)).body;
    expect(roles).toEqual(['DataAdmin', 'AnalyticsAdmin']);
    expect((await admin.post(path, { ...body, subject: 'erin', email: 'eRIN@example.COM' })).status).toBe(
      409,
    );
  });

  it('W09: a mistyped link is refused without asking the store', async () => {
    const { token } = (await admin.post(path, { name: 'Frank' })).body;
    const mistyped = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0');
    await server.sql('ALTER TABLE invitation RENAME TO invitation_away');
    try {
      expect((await redeem(mistyped)).status).toBe(404);
      expect((await redeem(token)).status).toBeGreaterThanOrEqual(500);
    } finally {
      await server.sql('ALTER TABLE invitation_away RENAME TO invitation');
    }
    expect((await redeem(` ${token} `)).status).toBe(201);
  });

  it('works for one of many concurrent requests', async () => {
    const { token } = (await admin.post(path, { name: 'Crowd' })).body;
    const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(token)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 201) expect(answer.status).toBe(409);
  });

  it('ends when it is withdrawn or expires, its user is disabled, or its inviter loses the role', async () => {
    const second = await addUser(server.url, server.adminKey, 'second-admin', ['TenantAdmin']);
    const invite = async (by: ApiClient, name: string) => (await by.post(path, { name })).body;
    const [withdrawn, expired, disabled, orphaned] = [
      await invite(admin, 'withdrawn'),
      await invite(admin, 'expired'),
      await invite(admin, 'disabled'),
      await invite(second.api, 'orphaned'),
    ];
    expect((await admin.delete(`${path}/${withdrawn.id}`)).status).toBe(204);
    expect((await admin.delete(`${path}/${withdrawn.id}`)).status).toBe(404);
    await server.sql(`UPDATE invitation SET expires_at = '2020-01-01' WHERE id = '${expired.id}'`);
    const disable = [{ op: 'replace', path: '/status', value: 'disabled' }];
    expect((await admin.patch(`/api/v1/users/${disabled.userId}`, disable)).status).toBe(204);
    const demote = [{ op: 'replace', path: '/roles', value: [] }];
    expect((await admin.patch(`/api/v1/users/${second.id}`, demote)).status).toBe(204);
    const unknown = refusal(await redeem(`mri_${'0'.repeat(32)}_000000`));
    expect(unknown).toMatchObject({ status: 404, code: 'NOT-FOUND' });
    for (const { token } of [withdrawn, expired, disabled, orphaned])
      expect(refusal(await redeem(token))).toEqual(unknown);
  });

  it('refuses ambiguous requests, too long lifetimes and unknown users', async () => {
    for (const [body, status, detail] of [
      [{}, 400, /^name: /],
      [{ userId: alice.id, name: 'Alice' }, 400, /^userId: /],
      [{ name: 'x', expiresIn: 'P8D' }, 400, /^expiresIn: /],
      [{ name: 'x', expiresIn: 'PT1S' }, 400, /^expiresIn: /],
      [{ name: 'x', roles: ['God'] }, 400, /roles/],
      [{ name: 'x', subject: 'qlikbot\\x' }, 400, /^subject: /],
      [{ userId: 'f'.repeat(24) }, 404, /^userId: /],
      [{ name: 'x', subject: 'alice' }, 409, /^subject: /],
    ] as const) {
      const answer = await admin.post(path, body);
      expect(answer.status, answer.text).toBe(status);
      expect(refusal(answer).detail).toMatch(detail);
    }
    const mail = { name: 'Dora', email: 'dora@example.com' };
    const dora = (await admin.post(path, mail)).body;
    const again = await admin.post(path, { ...mail, email: 'DORA@example.com' });
    expect(refusal(again)).toMatchObject({ status: 409, detail: expect.stringContaining(dora.userId) });
    const week = await admin.post(path, { userId: dora.userId, expiresIn: 'P7D' });
    expect(Date.parse(week.body.expiresAt) - Date.now()).toBeGreaterThan(7 * day - 60_000);
  });

  it('is for tenant administrators, who cannot invite themselves', async () => {
    const answers = [
      await alice.api.post(path, { name: 'x' }),
      await alice.api.get(path),
      await alice.api.delete(`${path}/x`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect((await nobody.post(path, { name: 'x' })).status).toBe(401);
    const me = (await admin.get('/api/v1/users/me')).body.id;
    expect((await admin.post(path, { userId: me })).status).toBe(403);
  });

  it('TR2: access tokens cannot invite, and machines cannot be invited', async () => {
    const scopes = ['user_default', 'admin_classic'];
    const client = (
      await admin.post('/api/v1/oauth-clients', { clientName: 'etl', appType: 'web', allowedScopes: scopes })
    ).body;
    const { access_token } = (
      await nobody.post('/oauth/token', {
        grant_type: 'client_credentials',
        client_id: client.clientId,
        client_secret: client.clientSecret,
      })
    ).body;
    const machine = apiClient(server.url, access_token);
    expect((await machine.get('/api/v1/oauth-clients')).status).toBe(200);
    expect((await machine.post(path, { name: 'x' })).status).toBe(403);
    expect((await admin.post(path, { userId: client.userId })).status).toBe(403);
  });

  it('shows a page that loads nothing and cannot be framed', async () => {
    const page = await nobody.get('/console/setup');
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'nonce-[\w-]+'; style-src 'nonce-[\w-]+'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page.text).not.toMatch(/(?:src|href)=|https?:|style=|\bon\w+=/);
    expect((await nobody.get('/console/setup')).text).not.toBe(page.text);
  });

  it('throttles guesses by address, and still accepts the right token', async () => {
    const { token } = (await admin.post(path, { name: 'Late' })).body;
    const statuses = new Set<number>();
    for (let round = 0; round < 120; round += 1) statuses.add((await redeem(`guess-${round}`)).status);
    expect([...statuses]).toEqual([404, 429]);
    expect((await redeem(token)).status).toBe(201);
  });
});
