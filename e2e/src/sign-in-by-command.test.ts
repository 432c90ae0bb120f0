import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startBigQuery } from '@mooring/lab/bigquery';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { addUser, type TestUser } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { runCommand as run } from './run-command.js';

// `mooring sign-in` and `mooring doctor` as a user runs them, and the redirect to the user's own machine.

type Lab = Awaited<ReturnType<typeof startAuthorizationServer>>;

let lab: Lab;
let bigQuery: Awaited<ReturnType<typeof startBigQuery>>;
let mooring: MooringProcess;
let alice: TestUser;
let qID: string;

beforeAll(async () => {
  lab = await startAuthorizationServer();
  bigQuery = await startBigQuery({ verifyAccessToken: lab.verifyAccessToken });
  mooring = await startMooring({
    configuration: {
      oauth: { clients: { google: { ...lab.nativeClient, issuer: lab.issuer, loopbackRedirect: true } } },
      sources: { gbq: { apiEndpoint: bigQuery.url } },
    },
  });
  alice = await addUser(mooring.url, mooring.adminKey, 'alice');
  const made = await alice.api.post('/api/v1/data-connections', {
    datasourceID: 'gbq',
    qName: 'warehouse',
    connectionProperties: { OAuthMechanism: '1', Catalog: bigQuery.projectId, separateCredentials: 'true' },
  });
  qID = made.body.id ?? made.body.qID;
});
afterAll(async () => {
  await mooring.stop();
  await bigQuery.close();
  await lab.close();
});

const credentialState = async () =>
  (await alice.api.get(`/api/v1/data-connections/${qID}/credential`)).body.state;
const begin = (redirectUri: string) =>
  alice.api.put(`/api/v1/data-connections/${qID}/credential`, { authUrlOnly: true, redirectUri });
const complete = (authCode: string) =>
  alice.api.put(`/api/v1/data-connections/${qID}/credential`, { connectionProperties: { authCode } });
/** Signs in, and gives what came to the redirect instead of going there. */
const queryOf = async (authUrl: string): Promise<URLSearchParams> => {
  const { login, password } = lab.users[0];
  let arrived = new URLSearchParams();
  await walkSignIn({
    ...{ authUrl, login, password },
    fetch: async (input, init) => {
      const url = new URL(String(input));
      if (url.origin === lab.url) return fetch(input, init);
      arrived = url.searchParams;
      return new Response('arrived');
    },
  });
  return arrived;
};

describe('mooring sign-in', () => {
  it('takes the redirect on this machine and provides the credential', async () => {
    const command = run(
      ['sign-in', '--url', mooring.url, '--connection', 'warehouse', '--loopback'],
      alice.key,
    );
    const authUrl = await command.shows(/(http\S+\/auth\?\S+)/);
    expect(new URL(authUrl).searchParams.get('redirect_uri')).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/callback$/,
    );
    const { login, password } = lab.users[0];
    const { html } = await walkSignIn({ authUrl, login, password });
    expect(html).toContain('return to the command line');
    const { code, output } = await command.ended;
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('ready') });
    expect(output).not.toContain(alice.key);
    expect(await credentialState()).toBe('ready');
  });

  it('LI25: ignores forged redirects, and retries by itself while the provider is down', async () => {
    const args = ['sign-in', '--url', mooring.url, '--connection', 'warehouse', '--loopback'];
    const command = run(args, alice.key);
    const authUrl = await command.shows(/(http\S+\/auth\?\S+)/);
    const { searchParams } = new URL(authUrl);
    const redirectUri = searchParams.get('redirect_uri') ?? '';
    const state = searchParams.get('state');
    for (const forged of [
      'error=access_denied',
      'error=access_denied&state=x',
      'code=canary&state=x',
      `code=canary&state=${state}&state=x`,
    ]) {
      expect((await fetch(`${redirectUri}?${forged}`)).status, forged).toBe(404);
    }
    const down = { kind: 'answer' as const, answer: { status: 503, body: 'down' } };
    lab.switches.tokenNext = [down, down];
    const { login, password } = lab.users[0];
    expect((await walkSignIn({ authUrl, login, password })).html).toContain('return to the command line');
    const { code, output } = await command.ended;
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('ready') });
    expect(output).toContain('Retrying');
    expect(output).not.toContain('canary');
  });

  it('says what is missing without a key, and what the server said', async () => {
    const args = ['sign-in', '--url', mooring.url, '--connection', 'nothing here'];
    expect(await run(args, undefined).ended).toMatchObject({
      code: 1,
      output: expect.stringContaining('MOORING_API_KEY'),
    });
    expect(await run(args, alice.key).ended).toMatchObject({
      code: 1,
      output: expect.stringContaining('404'),
    });
  });
});

describe("a redirect to the user's own machine", () => {
  it.each([
    'http://localhost:4711/callback',
    'http://127.0.0.1.evil.example:4711/callback',
    'https://127.0.0.1:4711/callback',
    'http://127.0.0.1:4711/callback/',
    'http://127.0.0.1:4711/other',
    'http://127.0.0.1:4711/callback?x=1',
    'http://127.0.0.1:4711/callback#x',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:0/callback',
    'http://127.0.0.1:70000/callback',
    'http://127.0.0.2:4711/callback',
    'http://user@127.0.0.1:4711/callback',
    'http://2130706433:4711/callback',
    'http://[::ffff:127.0.0.1]:4711/callback',
    'HTTP://127.0.0.1:4711/callback',
    ' http://127.0.0.1:4711/callback',
    'http://127.0.0.1:4711\\@evil.example/callback',
  ])('O32: %s is refused', async (redirectUri) => {
    const refused = await begin(redirectUri);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('redirectUri');
  });

  it.each([
    'http://127.0.0.1:4711/callback',
    'http://127.0.0.1:65535/callback',
    'http://[::1]:4711/callback',
  ])('O32: %s is taken', async (redirectUri) => {
    const { body } = await begin(redirectUri);
    expect(new URL(body.authUrl).searchParams.get('redirect_uri')).toBe(redirectUri);
  });

  it('what came must have its state and its issuer; without them no code is spent', async () => {
    const { body } = await begin('http://127.0.0.1:4711/callback');
    const query = await queryOf(body.authUrl);
    lab.resetCounts();
    for (const missing of ['state', 'iss']) {
      const less = new URLSearchParams(query);
      less.delete(missing);
      expect((await complete(less.toString())).body.errors[0].code, missing).toBe('SIGN-IN-INVALID');
    }
    const wrong = new URLSearchParams(query);
    wrong.set('iss', 'https://evil.example');
    expect((await complete(wrong.toString())).body.errors[0].code).toBe('SIGN-IN-INVALID');
    expect((await complete(query.get('code') ?? '')).body.errors[0].code).toBe('SIGN-IN-INVALID');
    expect(lab.counts().token.authorization_code).toBe(0);
    expect((await complete(query.toString())).status).toBe(200);
    expect(lab.counts().token.authorization_code).toBe(1);
  });
});

describe('mooring doctor', () => {
  it('says which redirect to register, and tells by its exit code that something is left to do', async () => {
    const doctor = () => run(['doctor', '--url', mooring.url], mooring.adminKey).ended;
    const before = await doctor();
    expect(before.code).toBe(2);
    expect(before.output).toContain(`Redirect URI to register: ${mooring.url}/oauth/callback/google`);
    expect(before.output).toContain('To do: Register');
    expect(before.output).not.toContain(mooring.adminKey);
  });
});

describe('what a newcomer gets wrong', () => {
  const file = import.meta.filename;
  // No port that fetch itself refuses.
  const nowhere = 'http://127.0.0.1:2';
  it.each<[args: string[], key: string | undefined, reported: RegExp]>([
    [
      ['keys', 'list', '--url', nowhere],
      'a-key',
      /^mooring: http:\/\/127\.0\.0\.1:2 does not answer \(ECONNREFUSED\)\. Check that the server is running/,
    ],
    [['keys', 'list', '--url', 'localhost:8080'], 'a-key', /'--url <url>'.*It must be an http or https URL/s],
    [['keys', 'list', '--url', nowhere], undefined, /^mooring: Set MOORING_API_KEY to your API key\.$/],
    [
      ['keys', 'list', '--url', nowhere],
      'canary key\nof two',
      /^mooring: MOORING_API_KEY is not a valid API key: it has spaces/,
    ],
    [['person', 'leave', 'alice'], 'a-key', /option '--url <url>'/],
    [
      ['serve', '--data', file],
      undefined,
      /^mooring: The data folder .* \(--data or MOORING_DATA\) cannot be created: a file is in its place \(EEXIST\)\.$/,
    ],
    [
      ['serve', '--data', `${file}/below`],
      undefined,
      /cannot be created: a file is in its place \(ENOTDIR\)\.$/,
    ],
    [
      ['serve', '--config', file],
      undefined,
      /^mooring: The configuration file .*sign-in-by-command.* is not valid YAML at line/,
    ],
    [
      ['restore', '/nowhere/backup.db', '--lost-keyring', '--data', '/nowhere'],
      undefined,
      /^mooring: \/nowhere\/backup\.db does not exist\.$/,
    ],
    [
      ['restore', file, '--keyring', '/nowhere/k', '--data', '/proc/nowhere'],
      undefined,
      /^mooring: .*\/nowhere\/k/,
    ],
  ])('US2: mooring %j', async (args, key, words) => {
    const { code, output } = await run(args, key).ended;
    expect(code).toBe(1);
    expect(output.trim()).toMatch(words);
    expect(output).not.toMatch(/\n\s+at |\.[jt]s:\d|TypeError|fetch failed|mkdir|canary/);
  });

  it('US2: an address where it cannot listen is reported with an alternative', async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'mooring-listen-'));
    const serve = (...where: string[]) => run(['serve', '--data', data, ...where], undefined).ended;
    const taken = await serve('--port', new URL(mooring.url).port);
    expect(taken.code).toBe(1);
    expect(taken.output).toMatch(
      /Something listens there already\. Choose another --port .*\(EADDRINUSE\)\n$/,
    );
    const nowhere = await serve('--port', '0', '--host', '192.0.2.7');
    expect(nowhere.output).toMatch(/no such address\. Choose another --host .*\(EADDRNOTAVAIL\)\n$/);
    rmSync(data, { recursive: true });
  });

  it('US2: an address of another service is reported, and no key follows its redirect', async () => {
    const { code, output } = await run(['keys', 'list', '--url', lab.url], 'a-key').ended;
    expect([code, output.trim()]).toEqual([
      1,
      `mooring: listVaultKeys answered 404. This is not an answer of Mooring. Check the address ${lab.url}.`,
    ]);
  });
});

it('US7: mooring person leave', async () => {
  const leave = (...args: string[]) =>
    run(['person', 'leave', '--url', mooring.url, ...args], mooring.adminKey).ended;
  await addUser(mooring.url, mooring.adminKey, 'Carol "C" \\ Cole');
  const plan = await leave('carol "c" \\ cole', '--plan');
  expect(plan.output).toMatch(/Would end:\n {2}1 API keys\nNothing was changed/);
  expect(plan.code).toBe(0);
  const unknown = await leave('no-such-user');
  expect([unknown.code, unknown.output]).toEqual([
    1,
    'mooring: No user has the subject, e-mail address or name "no-such-user".\n',
  ]);
  const left = await leave('carol "c" \\ cole');
  expect([left.code, left.output]).toEqual([0, expect.stringMatching(/Ended:\n {2}1 API keys\n$/)]);
  const again = await leave('carol "c" \\ cole');
  expect(again.output).toContain('only the permission to sign in');
});
