import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { type SignInLab, signInAndCopyCode, startSignInLab } from './sign-in-lab.js';

// The process that renews grants is killed at each step of a renewal: docs/reference/grant-lifecycle.md. In the long tier
// ten grants are renewed at once and ten times the process dies, which makes a hundred for each step.

const isLong = full(1, 0) === 1;
const grants = full(10, 6);
const kills = full(10, 1);
const properties = (projectId: string) => ({ OAuthMechanism: '1', Catalog: projectId });
const read = (api: ApiClient, connection: string) =>
  api.post(`${connection}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
const isReady = (answer: Answer) => answer.status === 200;
const asksForSignIn = (answer: Answer) =>
  answer.status === 403 && answer.body.errors[0].meta?.reason === 'needs_sign_in';

describe('O18, O22, O23: kill -9 of the process that renews', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-refresh-crash-'));
  const dataFolder = path.join(folder, 'data');
  let lab: SignInLab;
  let mooring: MooringProcess;
  let api: ApiClient;
  const connections: string[] = [];

  /** Signs in and completes; the redirect carries the address of the process that is up. */
  const signIn = (authUrl: string) => {
    lab.authorizationServer.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
    return signInAndCopyCode(lab, authUrl);
  };

  beforeAll(async () => {
    lab = await startSignInLab({ dataFolder });
    mooring = lab.mooring;
    api = apiClient(mooring.url, mooring.adminKey);
    for (let index = 0; index < grants; index += 1) {
      const connectionProperties = properties(lab.bigquery.projectId);
      const begin = { datasourceID: 'gbq', qName: `warehouse ${index}`, connectionProperties };
      const begun = await api.post('/api/v1/data-connections', { ...begin, authUrlOnly: true });
      const authCode = await signIn(begun.body.authUrl);
      const body = { ...begin, connectionProperties: { ...connectionProperties, authCode } };
      const created = await api.post('/api/v1/data-connections', body);
      expect(created.status, created.text).toBe(201);
      connections.push(`/api/v1/data-connections/${created.body.qID}`);
    }
  });
  afterAll(async () => {
    await mooring.stop();
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const startAgain = async () => {
    mooring = await startMooring({ dataFolder, configuration: lab.configuration });
    api = apiClient(mooring.url, mooring.adminKey);
  };

  /** How many grants have been stored again since `before`; read past the process, as the process is about to die. */
  const versions = (): number => {
    const database = new Database(path.join(dataFolder, 'mooring.db'), { readonly: true });
    try {
      const row = database.prepare("select sum(version) as total from secret where field = 'grant'").get();
      return Number((row as { total: number }).total);
    } finally {
      database.close();
    }
  };

  /** Begins all renewals, kills when the step is reached, starts again, and holds every grant to the table. */
  const round = async (reached: () => Promise<void>): Promise<{ ready: number; calls: number }> => {
    const { authorizationServer } = lab;
    authorizationServer.expireAccessTokens();
    authorizationServer.resetCounts();
    const acknowledged = new Set<string>();
    const reading = connections.map(async (connection) => {
      const answer = await read(api, connection).catch(() => undefined);
      if (answer && isReady(answer)) acknowledged.add(connection);
    });
    await reached();
    await mooring.kill();
    await Promise.all(reading);
    authorizationServer.switches.tokenWatch = undefined;
    authorizationServer.switches.tokenNext = [];
    authorizationServer.switches.tokenAlways = undefined;
    await startAgain();
    authorizationServer.resetCounts();
    let ready = 0;
    for (const connection of connections) {
      const settled = (answer: Answer) => isReady(answer) || asksForSignIn(answer);
      // After a lost answer, the provider gets no request for a second.
      await expect.poll(async () => settled(await read(api, connection)), { timeout: 10_000 }).toBe(true);
      const last = await read(api, connection);
      expect(settled(last), last.text).toBe(true);
      if (isReady(last)) ready += 1;
      else expect(acknowledged.has(connection)).toBe(false);
    }
    const calls = authorizationServer.counts().token.refresh_token;
    expect(calls).toBeLessThanOrEqual(2 * grants);
    for (const connection of connections) {
      const refused = await read(api, connection);
      if (isReady(refused)) continue;
      const code = await signIn(refused.body.errors[0].meta.signIn.authUrl);
      expect((await api.patch(connection, [], { 'qlik-auth-code': code })).status).toBe(204);
      expect(isReady(await read(api, connection))).toBe(true);
    }
    return { ready, calls };
  };

  /** Resolves when all token calls have reached the moment; none continues from there. */
  const allAt = (wanted: 'arrived' | 'done' | 'answered') => {
    let count = 0;
    return new Promise<void>((resolve) => {
      lab.authorizationServer.switches.tokenWatch = (moment) => {
        if (moment !== wanted) return undefined;
        count += 1;
        if (count === grants) resolve();
        return wanted === 'answered' ? undefined : new Promise(() => undefined);
      };
    });
  };

  it.runIf(isLong)(
    'after the intent and before the provider has acted: every grant is renewed at the next use',
    async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        const { ready, calls } = await round(() => allAt('arrived'));
        expect([ready, calls]).toEqual([grants, grants]);
      }
    },
  );

  it('after the provider has rotated and before its answer: one try each, then a new sign-in', async () => {
    for (let kill = 0; kill < kills; kill += 1) {
      const { ready, calls } = await round(() => allAt('done'));
      expect([ready, calls]).toEqual([0, grants]);
    }
  });

  it('while the answers arrive and are stored: each is one or the other, and no token in use is lost', async () => {
    for (let kill = 0; kill < kills; kill += 1) await round(() => allAt('answered'));
  });

  it.runIf(isLong)(
    'after the first is stored: what is stored is used, without another call for it',
    async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        const before = versions();
        await round(async () => {
          while (versions() === before) await new Promise((resolve) => setImmediate(resolve));
        });
      }
    },
  );

  it('R4, O18: during a code exchange: no half-made connection, and the user begins again', async () => {
    const before = (await api.get('/api/v1/data-connections')).body.data.length;
    for (let kill = 0; kill < kills; kill += 1) {
      const connectionProperties = properties(lab.bigquery.projectId);
      const begun = [];
      for (let index = 0; index < grants; index += 1) {
        const body = { datasourceID: 'gbq', qName: `new ${kill}.${index}`, connectionProperties };
        const { authUrl, signInId } = (
          await api.post('/api/v1/data-connections', { ...body, authUrlOnly: true })
        ).body;
        const authCode = await signIn(authUrl);
        const complete = { ...body, connectionProperties: { ...connectionProperties, authCode } };
        begun.push({ complete, signInId });
      }
      const reached = allAt('done');
      const completing = begun.map(({ complete }) =>
        api.post('/api/v1/data-connections', complete).catch(() => undefined),
      );
      await reached;
      await mooring.kill();
      await Promise.all(completing);
      lab.authorizationServer.switches.tokenWatch = undefined;
      await startAgain();
      for (const { complete, signInId } of begun) {
        expect((await api.get(`/api/v1/sign-ins/${signInId}`)).body.state).toBe('failed');
        const again = await api.post('/api/v1/data-connections', complete);
        expect([again.status, again.body.errors[0].code]).toEqual([400, 'SIGN-IN-INVALID']);
      }
      expect((await api.get('/api/v1/data-connections')).body.data.length).toBe(before);
    }
  });

  it.runIf(isLong)('when the answer is lost: one try more, then a new sign-in, and no loop', async () => {
    const { authorizationServer } = lab;
    for (let kill = 0; kill < kills; kill += 1) {
      authorizationServer.switches.tokenNext = connections.map(() => ({ kind: 'drop', commit: true }));
      const { ready, calls } = await round(async () => {
        await expect.poll(() => authorizationServer.counts().token.refresh_token).toBe(grants);
      });
      expect(ready).toBe(0);
      expect(calls).toBeLessThanOrEqual(grants);
    }
  });
});
