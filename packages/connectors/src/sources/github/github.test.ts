import { type LabGithub, startGithub } from '@mooring/lab/github';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../interface/secret.js';
import { manifestOf } from '../../kit/manifest.js';
import { allBatches, expectNoSecrets, failureOf, openSession } from '../../suite/bench.js';
import { inputOf } from '../../suite/connection-input.js';
import { describeSource } from '../../suite/describe-source.js';
import { createDirectNetwork } from '../../suite/direct-network.js';
import { harness } from './harness.js';
import { source } from './source.js';
import { issues, open, rowsOf, type Session } from './test-stand.js';

describeSource(source, harness);

async function startLab(): Promise<LabGithub> {
  const lab = await startGithub();
  onTestFinished(lab.close);
  return lab;
}

describe('github', () => {
  it('signs in by token and by OAuth, and says who that is and what the server is', async () => {
    const started = await harness.start();
    onTestFinished(started.close);
    for (const connection of started.good) {
      const network = createDirectNetwork();
      const session = await openSession(source, inputOf(source, connection), { network });
      expect(await session.ping()).toMatchObject({
        account: connection.name === 'organization' ? 'visitor' : 'octo-member',
        server: { product: 'GitHub Enterprise Server', version: '3.17.0' },
      });
      expect(await rowsOf(session, { path: ['repositories'], columns: ['name'] })).not.toHaveLength(0);
      await session.close();
      network.close();
    }
  });

  it('browses repositories, their resources and columns, page by page, and only what the user sees', async () => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    const names = async (user: Session, path: string[], limit: number) => {
      const found: string[] = [];
      for (let page: string | undefined; ; ) {
        const { items, next } = await user.browse({ path, limit, ...(page === undefined ? {} : { page }) });
        found.push(...items.map(({ kind, name }) => `${kind} ${name}`));
        if (next === undefined) return found;
        page = next;
      }
    };
    const all = ['engine', 'docs', 'site'].map((name) => `repository octo-org/${name}`);
    for (const limit of [1, 2, 3, 100])
      expect(await names(session, [], limit)).toEqual(['resource repositories', ...all]);
    const visitor = await open(lab.url, lab.tokens.visitor, { organization: 'octo-org' });
    expect(await names(visitor, [], 100)).toEqual(['resource repositories', ...all.slice(1)]);
    const before = lab.requests().length;
    expect(await names(session, ['octo-org/engine'], 3)).toContain('resource workflow_runs');
    expect(await names(session, issues, 5)).toContain('column closed_at');
    expect(lab.requests()).toHaveLength(before);
    for (const page of ['p0.1', 'p1.500', '-1', 'x', 'https://canary/'])
      expect((await failureOf(session.browse({ path: [], limit: 100, page }))).kind).toBe('invalid_query');
  });

  it('reads every resource of a repository with the types it describes without a request', async () => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    const { items } = await session.browse({ path: ['octo-org/engine'], limit: 100 });
    expect(items).toHaveLength(10);
    for (const { path } of items) {
      const before = lab.requests().length;
      const { columns } = await session.describe({ path: [...path] });
      expect(lab.requests()).toHaveLength(before);
      const stream = await session.read({ path, batchRows: 100, limit: 3 });
      expect(stream.columns).toEqual(columns.map(({ name, type, nullable }) => ({ name, type, nullable })));
      expect((await allBatches(stream)).flat().length, path.join()).toBeGreaterThan(0);
    }
    const columns = ['id', 'number', 'state', 'user', 'labels', 'comments', 'created_at', 'closed_at'];
    expect((await rowsOf(session, { path: issues, columns })).slice(5, 7)).toEqual([
      ['3000000005', 6, 'open', 'monalisa', [], 1, '2024-01-06T08:30:00Z', null],
      [
        '3000000006',
        7,
        'open',
        null,
        [expect.objectContaining({ name: 'bug' })],
        2,
        '2024-01-07T08:30:00Z',
        null,
      ],
    ]);
    const described = await session.describe({ path: issues });
    expect(described).toMatchObject({ kind: 'resource', primaryKey: ['id'] });
  });

  it('follows Link headers to the end, and requests no more rows than the limit', async () => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    const numbers = await rowsOf(session, { path: issues, columns: ['number'] });
    expect(numbers.flat()).toEqual(Array.from({ length: 205 }, (_, index) => index + 1));
    expect(lab.requests()).toHaveLength(3);
    await rowsOf(session, { path: issues, limit: 7 });
    const paths = lab.requests().map(({ path }) => path);
    expect(paths[0]).toBe('/api/v3/repos/octo-org/engine/issues?state=all&per_page=100');
    expect(paths.slice(3)).toEqual(['/api/v3/repos/octo-org/engine/issues?state=all&per_page=7']);
  });

  it('D23: answers not_found for what the user may not see, and auth_failed without a valid token', async () => {
    const lab = await startLab();
    const visitor = await open(lab.url, lab.tokens.visitor);
    expect(await failureOf(visitor.read({ path: issues, batchRows: 1 }))).toMatchObject({
      kind: 'not_found',
      remedy: expect.stringContaining('may not see'),
    });
    const wrong = await failureOf((await open(lab.url, 'ghp_wrong')).ping());
    expect(wrong.kind).toBe('auth_failed');
    expectNoSecrets(wrong, ['ghp_wrong']);
  });

  it('S08: no path leads elsewhere', async () => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    for (const name of [
      '../..',
      '..',
      'a/..',
      'a/b/c',
      'a?b/c',
      'a#/b',
      'a%2f/b',
      '//canary',
      'a\\b/c',
      'a b/c',
    ])
      for (const path of [[name], [name, 'issues']])
        expect((await failureOf(session.read({ path, batchRows: 1 }))).kind, name).toBe('not_found');
    expect(lab.requests()).toHaveLength(0);
  });

  it.each([
    ['primary', 403],
    ['primary', 429],
    ['secondary', 403],
    ['secondary', 429],
  ] as const)('R19: names the wait of a %s limit by %i', async (kind, status) => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    lab.limit({ kind, status, times: 9, seconds: 900 });
    const error = await failureOf(session.read({ path: issues, batchRows: 1 }));
    expect(error.kind).toBe('rate_limited');
    expect(Math.abs((error.retryAfterSeconds ?? 0) - 900)).toBeLessThanOrEqual(2);
    expect(lab.requests()).toHaveLength(1);
    expectNoSecrets(error, [lab.tokens.member]);
  });

  it('R19: waits at least a minute for a secondary limit that names no time, which is not that of the hour', async () => {
    const lab = await startLab();
    lab.limit({ kind: 'secondary', status: 403, times: 1 });
    const session = await open(lab.url, lab.tokens.member);
    const error = await failureOf(session.ping());
    expect([error.kind, error.retryAfterSeconds]).toEqual(['rate_limited', 60]);
  });

  it('waits for a limit that ends soon, in the middle of a read, as often as the retry budget allows', async () => {
    const lab = await startLab();
    const session = await open(lab.url, lab.tokens.member);
    lab.limit({ kind: 'secondary', status: 429, after: 2, times: 2, seconds: 0 });
    expect(await rowsOf(session, { path: issues })).toHaveLength(205);
    expect(lab.requests()).toHaveLength(5);
    lab.limit({ kind: 'secondary', status: 429, times: 99, seconds: 0 });
    expect((await failureOf(session.read({ path: issues, batchRows: 1 }))).kind).toBe('rate_limited');
    // Five retries are saved at most, and two were used.
    expect(lab.requests().length).toBeLessThanOrEqual(5 + 1 + 5);
  });

  it('leaves a wait at once when the call is aborted', async () => {
    const lab = await startLab();
    lab.limit({ kind: 'secondary', status: 429, times: 1, seconds: 50 });
    const session = await open(lab.url, lab.tokens.member);
    const stop = new AbortController();
    const reading = session.use.read({ target: { path: issues }, batchRows: 1 }, { signal: stop.signal });
    const failure = failureOf(reading);
    await expect.poll(() => lab.requests().length).toBe(1);
    stop.abort();
    expect((await failure).kind).toBe('cancelled');
  });
});

describe('the sign-in to github', () => {
  const method = manifestOf(source).signIns.find(({ id }) => id === 'oauth2');

  it('goes to github.com with its provider, and to an Enterprise Server without a client of the operator', () => {
    const url = 'https://api.github.com';
    expect(method?.oauth?.preset({ url, scope: 'repo read:org' })).toMatchObject({
      provider: 'github',
      authorizationEndpoint: 'https://github.com/login/oauth/authorize',
      scopes: ['repo', 'read:org'],
    });
    const own = method?.oauth?.preset({ url: 'https://git.example.com/api/v3', scope: '' });
    expect(own).toMatchObject({
      authorizationEndpoint: 'https://git.example.com/login/oauth/authorize',
      tokenEndpoint: 'https://git.example.com/login/oauth/access_token',
      deviceAuthorizationEndpoint: 'https://git.example.com/login/device/code',
      account: { endpoint: 'https://git.example.com/api/v3/user' },
    });
    expect(JSON.stringify(own)).not.toContain('github.com');
    expect(own?.provider).toBeUndefined();
  });

  it('renews a token that the server rejects, once', async () => {
    const lab = await startGithub({ verifyAccessToken: async (token) => ({ active: token === 'new' }) });
    onTestFinished(lab.close);
    const properties = { url: lab.url, authSchema: 'oauth2', clientId: 'c' };
    const token = async (options?: { renew?: boolean }) => new Secret(options?.renew ? 'new' : 'old');
    const network = createDirectNetwork();
    const session = await openSession(source, inputOf(source, { name: 'oauth', properties, token }), {
      network,
    });
    expect((await session.ping()).account).toBe('octo-member');
    expect(lab.requests()).toHaveLength(2);
    await session.close();
    network.close();
  });
});
