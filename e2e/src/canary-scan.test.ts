import { readFileSync } from 'node:fs';
import path from 'node:path';
import { manifests } from '@mooring/connectors/registry';
import { allRoutes } from '@mooring/contract/all-routes';
import { full } from '@mooring/lab/test-tier';
import { type ApiClient, addUser, type TestUser } from '@mooring/server/testing/api-client';
import { filesIn, findSecrets } from '@mooring/server/testing/secret-search';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awkward, plain } from './canary-lab.js';
import { misplacedSecrets } from './canary-misplaced.js';
import { readAllInRunners } from './canary-runners.js';
import { keepWhatPassedTheRelay, signIn } from './canary-sign-ins.js';
import { interactiveSources, type SourceUse, useAll } from './canary-sources.js';
import { type CanaryStand, secretsLeftOut, startCanaryStand } from './canary-stand.js';
import { inParallel } from './in-parallel.js';
import { signsInAsItself } from './running-sources.js';

// One run through every door with a unique secret in every secret field, then a search for each of them, plain and
// encoded, in everything that came out: data folder, log, metrics, descriptions, and every answer with its headers.

let stand: CanaryStand;
let admin: ApiClient;
let alice: TestUser;
/** May see and use what is in the shared space, and has nothing of her own. */
let viewer: TestUser;
let spaceId: string;
const connectionIds: string[] = [];
const credentialIds: string[] = [];

beforeAll(async () => {
  stand = await startCanaryStand();
  const { url, adminKey } = stand.mooring;
  admin = stand.recording(stand.keep('administrator key', adminKey));
  const add = async (subject: string) => {
    const user = await addUser(url, adminKey, subject);
    return { ...user, api: stand.recording(stand.keep(`API key of ${subject}`, user.key)) };
  };
  alice = await add('alice');
  viewer = await add('viewer');
  spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' })).body.id;
  const assignment = { type: 'user', assigneeId: viewer.id, roles: ['dataconsumer'] };
  await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, assignment);
  const masterKey = readFileSync(path.join(stand.mooring.dataFolder, 'master.key'), 'utf8').trim();
  stand.keep('master key', masterKey);
  stand.keep('bytes of the master key', Buffer.from(masterKey, 'base64').toString('hex'));
});
afterAll(() => stand.close());

async function connect({ name, datasourceID, properties }: SourceUse, choice: object = {}): Promise<string> {
  const connectionProperties = { ...properties, ...choice };
  const qName = `${name} ${connectionIds.length}`;
  const body = { datasourceID, qName, space: spaceId, connectionProperties };
  const { status, body: made, text } = await alice.api.post('/api/v1/data-connections', body);
  expect(status, `${name}: ${text}`).toBe(201);
  connectionIds.push(made.qID);
  credentialIds.push(made.qCredentialsID);
  return made.qID;
}

async function testUnsaved({ datasourceID, properties }: SourceUse): Promise<void> {
  const body = { datasourceID, connectionProperties: properties };
  expect((await alice.api.post('/api/v1/data-connections/actions/test', body)).status).toBeLessThan(500);
}

describe('a run through every door', () => {
  it('gives every secret property of every source a secret of its own', () => {
    // Kept only once its provider has renewed it.
    expect(secretsLeftOut([...stand.working, ...stand.failing])).toEqual(['rest refreshToken']);
    expect(stand.secrets.size).toBeGreaterThan(full(60, 40));
  });

  it('uses sources that work, embedded and separated, as owner and as a user without a credential', async () => {
    const uses = stand.working.map((source) => async () => {
      const embedded = await connect(source);
      for (const user of [alice, viewer])
        expect((await useAll(user, embedded, source, { isPatient: true })).failed, source.name).toEqual([]);
      await testUnsaved(source);
      // The connection's own client belongs to no user.
      if (signsInAsItself(source.datasourceID, source.properties)) return;
      const own = await connect(source, { separateCredentials: true, credentialsName: `my ${source.name}` });
      expect((await useAll(alice, own, source)).failed, source.name).toEqual([]);
      expect((await useAll(viewer, own, source)).passed, source.name).toEqual([]);
    });
    for (const use of uses) await use();
  });

  it('uses sources that refuse, and sources that repeat the secret in every part of their error (D23)', async () => {
    const uses = stand.failing.map((source) => async () => {
      const id = await connect(source);
      for (const [user, atOnce] of [
        [alice, 4],
        [viewer, 9],
      ] as const) {
        // A source that answers 200 with an error in it is data, and not among these.
        const { passed } = await useAll(user, id, source, { atOnce });
        expect(
          passed.filter((door) => !source.unasked.includes(door)),
          source.name,
        ).toEqual([]);
      }
      await testUnsaved(source);
    });
    // A user who may not edit gets a failure only at a fixed time, so many at a time.
    await inParallel(24, uses);
  });

  it('reads each source and each format whole in runners that may read no file but their program', async () => {
    await readAllInRunners(stand);
  });

  it('sends secrets where they do not belong, and is refused without an echo (V17, W16)', async () => {
    let count = 0;
    const keep = (value: string) => {
      count += 1;
      return stand.keep(`misplaced ${count}`, value);
    };
    const token = () => keep(plain('misplaced'));
    const wrong = misplacedSecrets({
      port: Number(new URL(stand.lab.authorizationServer.url).port),
      secret: () => keep(awkward('misplaced')),
      token,
    });
    for (const [datasourceID, connectionProperties] of wrong) {
      const body = { datasourceID, qName: 'Refused', connectionProperties };
      for (const door of ['data-connections', 'data-credentials', 'data-connections/actions/test']) {
        const { status, text } = await alice.api.post(`/api/v1/${door}`, body);
        // A refresh token is proven at its provider first, which is not there.
        // The test of what is not saved ignores secrets of other sign-ins.
        expect(door.endsWith('test') ? [200, 400, 404] : [400, 404, 424], `${door} ${text}`).toContain(
          status,
        );
      }
    }
    const json = { 'content-type': 'application/json' };
    await alice.api.post('/api/v1/data-connections', `{"datasourceID":"postgres","x":"${token()}`, json);
    await alice.api.post('/api/v1/data-connections', token(), { 'content-type': 'text/plain' });
    for (const name of ['access_token', 'api_key', 'authorization', 'token'])
      expect((await stand.recording('').get(`/api/v1/users/me?${name}=${token()}`)).status).toBe(401);
    expect((await stand.recording(token()).get('/api/v1/users/me')).status).toBe(401);
    expect(
      (await stand.recording('').get(`/oauth/callback/google?code=${token()}&state=${token()}`)).status,
    ).toBe(400);
    expect((await stand.recording('').get(`/no/such/path?password=${token()}`)).status).toBe(404);
  });
});

async function begin({ datasourceID, properties }: SourceUse, choice: object): Promise<string> {
  const { status, body, text } = await alice.api.post('/api/v1/data-connections', {
    datasourceID,
    qName: 'Begun',
    space: spaceId,
    connectionProperties: { ...properties, ...choice },
    authUrlOnly: true,
  });
  expect(status, text).toBe(201);
  await alice.api.get(`/api/v1/sign-ins/${body.signInId}`);
  return body.authUrl;
}

describe('sign-ins', () => {
  it('begins, completes, refreshes and revokes', async () => {
    const { authorizationServer } = stand.lab;
    for (const source of interactiveSources(stand.lab)) {
      for (const choice of [{}, { separateCredentials: true, credentialsName: `grant ${source.name}` }]) {
        const authCode = await signIn(stand, await begin(source, choice));
        const id = await connect(source, { ...choice, authCode });
        expect((await useAll(alice, id, source)).failed, source.name).toEqual([]);
        authorizationServer.expireAccessTokens();
        expect((await useAll(alice, id, source)).failed, `${source.name}, renewed`).toEqual([]);
        await useAll(viewer, id, source);
      }
    }
    expect(authorizationServer.counts().token.refresh_token).toBeGreaterThan(0);
  });

  it('meets providers that refuse, fail, and repeat what they received', async () => {
    const { switches } = stand.lab.authorizationServer;
    const canary = () => stand.keep(`of the provider ${stand.secrets.size}`, awkward('provider'));
    const answers = [
      {
        status: 400,
        body: JSON.stringify({ error: 'invalid_grant', error_description: canary(), error_uri: canary() }),
      },
      { status: 400, body: JSON.stringify({ error: canary() }) },
      { status: 401, body: JSON.stringify({ error: 'invalid_client', error_description: canary() }) },
      { status: 500, body: `<title>${canary()}</title>`, contentType: 'text/html' },
      { status: 200, body: `access_token=${canary()}`, contentType: 'text/plain' },
      { status: 200, body: JSON.stringify({ access_token: canary(), token_type: canary() }) },
      { status: 302, body: '', headers: { location: `http://127.0.0.1:9/?${encodeURIComponent(canary())}` } },
    ];
    for (const source of interactiveSources(stand.lab)) {
      for (const answer of answers) {
        const authCode = await signIn(stand, await begin(source, {}));
        switches.tokenNext = [{ kind: 'answer', answer }];
        const connectionProperties = { ...source.properties, authCode };
        const body = {
          datasourceID: source.datasourceID,
          qName: 'Never',
          space: spaceId,
          connectionProperties,
        };
        const failed = await alice.api.post('/api/v1/data-connections', body);
        expect([400, 403, 424], failed.text).toContain(failed.status);
        switches.tokenNext = [];
      }
    }
  });
});

/** Path parameters that fit a route's path. */
function candidates(routePath: string): string[] {
  if (!routePath.includes('{')) return [''];
  if (routePath.includes('data-sources')) return manifests.map(({ id }) => id);
  if (routePath.includes('/spaces/')) return [spaceId];
  if (routePath.includes('/users/')) return [alice.id];
  return routePath.includes('data-credentials') ? credentialIds : connectionIds;
}

describe('what comes out', () => {
  it('asks every GET of the contract about everything, as owner, member and administrator (V15)', async () => {
    let answered = 0;
    for (const [row, { method, path: routePath }] of allRoutes.entries()) {
      if (method !== 'GET') continue;
      const ids = candidates(routePath);
      for (const [column, id] of ids.entries()) {
        // In the quick tier each of the many ids at some of the doors.
        if (ids.length > 2 && (row + column) % full(1, 6) !== 0) continue;
        for (const api of [alice.api, viewer.api, admin]) {
          const { status } = await api.get(routePath.replace(/\{\w+\}/, id).replaceAll(/\{\w+\}/g, 'none'));
          expect(status, routePath).toBeLessThan(500);
          if (status === 200) answered += 1;
        }
      }
    }
    await alice.api.post('/api/v1/data-credentials/actions/filter-orphan', {});
    await admin.post('/api/v1/data-credentials/actions/filter-orphan', {});
    expect(answered).toBeGreaterThan(full(250, 40));
  });

  it('changes and deletes what exists', async () => {
    const source = stand.working.find(({ properties }) => 'password' in properties);
    if (!source) throw new Error('No source has a password');
    const { username } = source.properties;
    const own = await connect(source, { separateCredentials: true, credentialsName: 'to be replaced' });
    const password = stand.keep('replacing password', awkward('replacing'));
    const replaced = await alice.api.put(`/api/v1/data-connections/${own}/credential`, {
      connectionProperties: { username, password },
    });
    expect(replaced.status, replaced.text).toBe(200);
    expect((await useAll(alice, own, source)).passed).toEqual([]);
    // Credentials first: a grant of a connection's own client is revoked with that client.
    for (const id of credentialIds) await alice.api.delete(`/api/v1/data-credentials/${id}`);
    for (const id of connectionIds) {
      expect((await alice.api.delete(`/api/v1/data-connections/${id}`)).status).toBe(204);
    }
    await expect.poll(() => stand.lab.authorizationServer.counts().revocation).toBeGreaterThanOrEqual(4);
    for (const count of keepWhatPassedTheRelay(stand)) expect(count).toBeGreaterThan(1);
  });

  it('V01, V15, V17, D23, W22, W23: holds no secret, plain or encoded', async () => {
    const { mooring, places, secrets, handedOut } = stand;
    const folder = () =>
      filesIn(mooring.dataFolder).filter(({ name }) => path.basename(name) !== 'master.key');
    const log = { name: 'the log', bytes: Buffer.from(mooring.logText()) };
    const printed = { name: 'standard output', bytes: Buffer.from(mooring.printed().join('\n')) };
    expect(log.bytes.length).toBeGreaterThan(50_000);
    expect(places.length).toBeGreaterThan(full(1000, 400));
    expect(findSecrets(secrets, [log, printed, ...folder()])).toEqual([]);
    expect(findSecrets(handedOut, [log, printed, ...folder()])).toEqual([]);
    expect(findSecrets(secrets, places)).toEqual([]);
    for (const line of mooring.logText().trim().split('\n'))
      expect(() => JSON.parse(line), line).not.toThrow();
    await mooring.kill();
    expect(findSecrets(secrets, folder())).toEqual([]);
    expect(findSecrets(handedOut, folder())).toEqual([]);
  });
});
