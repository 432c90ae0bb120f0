import { createInterface } from 'node:readline';
import { signInWithBrowser } from '../browser-visit.js';
import { expectEqual, listAt, Mismatch, textAt, valueAt } from '../expectations.js';
import type { Narrator } from '../narrator.js';
import type { Stage } from '../stage.js';
import type { Step, Walk } from '../walk.js';
import type { Team } from './team.js';

const door = '/api/v1/dcaas/actions/data-connections';

export interface SignInContext extends Team {
  walk: Walk;
  stage: Stage;
  /** Not null: the user at the keyboard signs in, in their own browser. */
  byHand: SignInByHand | null;
}

interface SignInByHand {
  narrator: Narrator;
  signal: AbortSignal;
}

/** What the authorization URL must carry; null: some value. */
function expectedParameters({ lab, mooring }: Stage): Record<string, string | null> {
  return {
    client_id: lab.authorizationServer.client.clientId,
    response_type: 'code',
    scope: 'https://www.googleapis.com/auth/bigquery openid email',
    redirect_uri: `${mooring.url}/oauth/callback/google`,
    prompt: 'consent',
    access_type: 'offline',
    state: null,
    code_challenge: null,
    code_challenge_method: 'S256',
  };
}

function checkAuthUrl(step: Step, stage: Stage, authUrl: string): void {
  const url = new URL(authUrl);
  expectEqual(
    'address of authUrl',
    url.origin + url.pathname,
    stage.lab.authorizationServer.authorizationEndpoint,
  );
  step.say('·', `authUrl leads to ${url.origin}${url.pathname} and carries`);
  for (const [name, expected] of Object.entries(expectedParameters(stage))) {
    const values = url.searchParams.getAll(name);
    const [value = ''] = values;
    if (expected === null) stage.secrets.hide(value);
    step.show([`${name}=${value}`]);
    if (expected !== null) expectEqual(name, values, [expected]);
    else if (values.length !== 1 || value.length < 22) {
      throw new Mismatch(name, 'one value of at least 128 bits', values);
    }
  }
}

async function begin({ walk, alice, spaceId, stage }: SignInContext, body: object): Promise<string> {
  return walk.step(
    'A5  Alice requests a link to sign in',
    'no connection yet; the link carries PKCE and state',
    async (step) => {
      const answer = await step.call(alice, `POST ${door}`, {
        status: 201,
        body: { ...body, authUrlOnly: 'true' },
        show: ['signInId', 'expiresAt', 'authUrl'],
      });
      const authUrl = textAt(answer.body, 'authUrl');
      checkAuthUrl(step, stage, authUrl);
      const list = await step.call(alice, `GET /api/v1/data-connections?spaceId=${spaceId}`, {
        status: 200,
        show: ['data.qName', 'data.datasourceID'],
      });
      const sources = listAt(list.body, 'data').map((one) => valueAt(one, 'datasourceID'));
      expectEqual('connections to BigQuery', sources.filter((source) => source === 'gbq').length, 0);
      return authUrl;
    },
  );
}

/** @throws Error when standard input ends without a code */
async function pastedCode({ signal }: SignInByHand): Promise<string> {
  // Without terminal mode Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false, signal });
  try {
    for await (const line of lines) {
      const code = line.trim();
      if (code !== '') return code;
    }
  } finally {
    lines.close();
  }
  signal.throwIfAborted();
  throw new Error('No code was pasted: standard input has ended.');
}

async function signIn({ walk, stage, byHand }: SignInContext, authUrl: string): Promise<string> {
  const [{ login, password }] = stage.lab.authorizationServer.users;
  const { secrets } = stage;
  if (byHand === null) {
    return walk.step(
      'A5  Alice signs in and allows access',
      "Mooring's page shows her a one-time code",
      (step) => signInWithBrowser(step, { authUrl, login, password, secrets }),
    );
  }
  return walk.step('A5  You sign in as Alice', 'you pasted a code', async () => {
    const { narrator } = byHand;
    narrator.line('\n      Open this in your browser:');
    narrator.reveal(`\n${authUrl}\n`);
    narrator.reveal(`      Sign in as    ${login}`);
    narrator.reveal(`      with password ${password}`);
    narrator.line('      allow access, copy the code that Mooring shows you, paste it here and press Enter.');
    const code = await pastedCode(byHand);
    secrets.hide(code);
    return code;
  });
}

/**
 * The documented flow A5 on BigQuery, at `/api/v1`, with a real sign-in.
 * @returns the connection's id.
 */
export async function signInInteractively(context: SignInContext): Promise<string> {
  const { walk, alice, spaceId, stage } = context;
  const properties = { OAuthMechanism: '1', Catalog: stage.lab.bigquery.projectId };
  const body = { dataSourceId: 'gbq', connectionName: 'Orders in BigQuery', spaceId };
  const authUrl = await begin(context, { ...body, connectionProperties: { ...properties, authCode: '' } });
  const authCode = await signIn(context, authUrl);
  return walk.step('A5  Alice sends the code', 'one code exchanged; the connection exists', async (step) => {
    const answer = await step.call(alice, `POST ${door}`, {
      status: 201,
      body: { ...body, connectionProperties: { ...properties, authCode } },
    });
    expectEqual('dataSourceId', valueAt(answer.body, 'dataSourceId'), 'gbq');
    expectEqual('connectionName', valueAt(answer.body, 'connectionName'), 'Orders in BigQuery');
    expectEqual('spaceId', valueAt(answer.body, 'spaceId'), spaceId);
    textAt(answer.body, 'updateAt');
    const exchanges = stage.lab.authorizationServer.counts().token.authorization_code;
    step.say('·', `the authorization server exchanged ${exchanges} code`);
    expectEqual('codes exchanged', exchanges, 1);
    return textAt(answer.body, 'connectionId');
  });
}
