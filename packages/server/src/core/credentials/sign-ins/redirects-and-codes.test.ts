import { Secret } from '@mooring/connectors/interface/secret';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { describe, expect, it } from 'vitest';
import { type Answer, addUser } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';
import { codeOf } from './__fixtures__/callback-page.js';
import { door, interactiveCase } from './__fixtures__/interactive-case.js';
import { readPastedCode } from './pasted-code.js';

describe('redirects and codes of an interactive sign-in', () => {
  const { given, properties, begin, finish, callback, walk } = interactiveCase();

  it('QL9: takes the code out of the address that was pasted, and decodes it once', async () => {
    const begun = await given.alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'gbq', qName: 'warehouse of an address', space: given.spaceId, authUrlOnly: '1' },
      connectionProperties: properties({}),
    });
    const page = await walk(begun.body.authUrl);
    const code = encodeURIComponent(String(codeOf(page.html))).replaceAll('_', '%5F');
    const created = await given.alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'gbq', qName: 'warehouse of an address', space: given.spaceId },
      connectionProperties: properties({
        authCode: `https://mooring.example/oauth/callback/google?code=${code}`,
      }),
    });
    expect(created.status, created.text).toBe(201);
    const read = (text: string) => readPastedCode(new Secret(text))?.code.reveal();
    for (const [pasted, meant] of [
      ['4/0AX', '4/0AX'],
      ['4%2F0AX', '4/0AX'],
      ['4%252F0AX', '4%2F0AX'],
      ['code=4%2F0AX', '4/0AX'],
      ['https://a.example/cb?state=s&code=4%2F0AX#', '4/0AX'],
      ['http://localhost:1/cb#code=4%2F0AX', '4/0AX'],
      ['100%', '100%'],
      ['https://a.example/cb?error=access_denied', 'error=access_denied'],
    ] as const)
      expect(read(pasted), pasted).toBe(meant);
  });

  it('O01, O02: refuses a redirect without a state, or with one that is unknown, cut, changed or doubled, and calls no provider', async () => {
    given.lab.resetCounts();
    const { state } = Object.fromEntries(new URL((await begin(given.alice)).body.authUrl).searchParams);
    const swapped = String(state).replace(/[a-zA-Z]/, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    );
    const queries = [
      '?code=x',
      '?code=x&state=',
      '?code=x&state=unknown',
      `?code=x&state=${String(state).slice(0, -1)}`,
    ];
    queries.push(
      `?code=x&state=${swapped}`,
      `?code=x&state=${state}&state=${state}`,
      `?code=x&state[]=${state}`,
      '',
    );
    for (const query of queries) expect((await callback(query)).status, query).toBe(400);
    expect(given.lab.counts().token.authorization_code).toBe(0);
  });

  it('P3, O03: redeems once when the same code is sent 50 times at once', async () => {
    given.lab.resetCounts();
    const page = await walk((await begin(given.alice)).body.authUrl);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => finish(given.alice, `parallel ${index}`, codeOf(page.html))),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.every((answer) => [201, 400, 409].includes(answer.status))).toBe(true);
    expect(given.lab.counts().token.authorization_code).toBe(1);
  });

  it('O05: refuses the code of another user and leaves their sign-in usable', async () => {
    const page = await walk((await begin(given.alice)).body.authUrl);
    const stolen = await finish(given.bob, 'stolen', codeOf(page.html));
    expect(stolen.status).toBe(400);
    expect(stolen.body.errors[0].code).toBe('SIGN-IN-INVALID');
    expect((await given.bob.api.get('/api/v1/data-credentials')).text).not.toContain('stolen');
    expect((await finish(given.alice, 'not stolen', codeOf(page.html))).status).toBe(201);
  });

  it('O08: refuses a code that arrives at the path of another authorization server', async () => {
    const { state } = Object.fromEntries(new URL((await begin(given.alice)).body.authUrl).searchParams);
    expect(
      (await callback(`?code=x&state=${state}&iss=${encodeURIComponent(given.lab.issuer)}`, 'other')).status,
    ).toBe(400);
  });

  it('O09: ends the sign-in when the issuer is wrong or promised and absent', async () => {
    given.lab.resetCounts();
    for (const iss of ['&iss=https%3A%2F%2Fevil.example', '']) {
      const begun = await begin(given.alice);
      const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
      expect((await callback(`?code=x&state=${state}${iss}`)).status).toBe(400);
      expect((await given.alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state).toBe(
        'failed',
      );
      expect((await finish(given.alice, 'mix-up', `code=x&state=${state}`)).status).toBe(400);
    }
    expect(given.lab.counts().token.authorization_code).toBe(0);
  });

  it('O10: never repeats a state or a challenge, and keeps the verifier to itself', async () => {
    const urls = await Promise.all(Array.from({ length: 300 }, () => begin(given.bob)));
    const states = new Set(urls.map((answer) => new URL(answer.body.authUrl).searchParams.get('state')));
    const challenges = new Set(
      urls.map((answer) => new URL(answer.body.authUrl).searchParams.get('code_challenge')),
    );
    expect(states.size).toBe(300);
    expect(challenges.size).toBe(300);
    for (const challenge of challenges) expect(challenge).toMatch(/^[\w-]{43}$/);
    for (const state of states) expect(String(state).length).toBeGreaterThanOrEqual(22);
  });

  it('O11: takes no part of the exchange from the request', async () => {
    for (const name of [
      'redirect_uri',
      'client_id',
      'code_challenge_method',
      'token_url',
      'scope',
      'state',
      'prompt',
    ]) {
      const answer = await begin(given.alice, { [name]: 'https://evil.example' });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toContain(name);
    }
  });

  it('O12: makes links and the redirect from configuration, whatever the Host header says', async () => {
    const answer = await fetch(`${given.server.url}${door}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${given.alice.key}`,
        'content-type': 'application/json',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example',
      },
      body: JSON.stringify({
        dataSourceId: 'gbq',
        connectionName: 'h',
        authUrlOnly: true,
        connectionProperties: properties(),
      }),
    });
    expect(await answer.text()).not.toContain('evil.example');
  });

  it('O14: shows an error of the provider escaped and short, and ends the sign-in', async () => {
    const begun = await begin(given.alice);
    const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
    const text = encodeURIComponent(`<script>alert(1)</script>\r\nX: y${'z'.repeat(3000)}`);
    const answer = await callback(
      `?error=access_denied&error_description=${text}&state=${state}&iss=${encodeURIComponent(given.lab.issuer)}`,
    );
    const html = await answer.text();
    expect(answer.status).toBe(400);
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('zzz');
    expect((await given.alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body).toMatchObject({
      state: 'failed',
      error: 'access_denied',
    });
  });

  it('R2, O17: closes the sign-in when a code of another flow is pasted', async () => {
    const first = await begin(given.alice);
    const firstPage = await walkRaw(first);
    const second = await begin(given.alice);
    const answer = await finish(
      given.alice,
      'injected',
      `code=${firstPage}&state=${new URL(second.body.authUrl).searchParams.get('state')}`,
    );
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].code).toBe('PROVIDER-REFUSED');
    expect((await given.alice.api.get(`/api/v1/sign-ins/${second.body.signInId}`)).body.state).toBe('failed');
  });

  /** Signs in, but takes the provider's own code from the redirect before it reaches the page. */
  const walkRaw = async (begun: Answer): Promise<string> => {
    const user = given.lab.users.find((candidate) => candidate.login === 'alice');
    const page = await walkSignIn({
      authUrl: begun.body.authUrl,
      login: user?.login ?? '',
      password: user?.password ?? '',
      fetch: (input, init) =>
        String(input).startsWith(given.server.url)
          ? Promise.resolve(new Response('', { status: 200 }))
          : fetch(input, init),
    });
    return new URL(page.finalUrl).searchParams.get('code') ?? '';
  };

  it('takes a raw code of the same sign-in, alone or with its state', async () => {
    expect((await finish(given.alice, 'raw', await walkRaw(await begin(given.alice)))).status).toBe(201);
    const begun = await begin(given.alice);
    const code = await walkRaw(begun);
    const state = new URL(begun.body.authUrl).searchParams.get('state');
    expect((await finish(given.alice, 'raw 2', `code=${code}&state=${state}`)).status).toBe(201);
  });

  it('R3: keeps the code for another try when the provider is down, and refuses it once it was used', async () => {
    const page = await walk((await begin(given.alice)).body.authUrl);
    given.lab.switches.tokenNext = [
      { kind: 'answer', answer: { status: 503, body: '<html>down</html>' } },
    ] as never;
    const down = await finish(given.alice, 'retry', codeOf(page.html));
    expect(down.status).toBe(424);
    expect(down.body.errors[0].code).toBe('PROVIDER-FAILED');
    expect((await finish(given.alice, 'retry', codeOf(page.html))).status).toBe(201);
    expect((await finish(given.alice, 'retry again', codeOf(page.html))).status).toBe(400);
  });

  it('O35, O36: the page is not stored, not framed, and names no user to third parties', async () => {
    const { headers } = await callback('?code=x&state=y');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(given.server.logText()).not.toMatch(/code=|state=/);
  });

  it('P2, O04: refuses a code after the time of the sign-in', async () => {
    const short = await startServer({
      configuration: {
        oauth: {
          clients: {
            google: {
              ...given.lab.client,
              authorizationEndpoint: given.lab.authorizationEndpoint,
              tokenEndpoint: given.lab.tokenEndpoint,
            },
          },
        },
        limits: { signInMinutes: 0.005 },
      },
    });
    try {
      const person = await addUser(short.url, short.adminKey, 'late');
      const begun = await person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName: 'x',
        authUrlOnly: true,
        connectionProperties: properties(),
      });
      const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
      const stateOf = async () =>
        (await person.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state;
      await expect.poll(stateOf).toBe('expired');
      const answer = await person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName: 'x',
        connectionProperties: properties({ authCode: `code=abc&state=${state}` }),
      });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toContain('expired');
    } finally {
      await short.close();
    }
  });
});
