import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startCanary } from '@mooring/lab/canary';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { expect, it } from 'vitest';
import { addPerson } from '../testing/api-client.js';
import { startServer } from '../testing/start-server.js';

it('O07: a provider that sends people on to another one with its own state gets no code of that one', async () => {
  const good = await startAuthorizationServer();
  const evil = await startCanary();
  const { issuer, authorizationEndpoint, tokenEndpoint, client } = good;
  const server = await startServer({
    configuration: {
      oauth: { clients: { google: { ...client, issuer, authorizationEndpoint, tokenEndpoint } } },
    },
  });
  try {
    const redirectUri = `${server.url}/oauth/callback/google`;
    good.addRedirectUri(redirectUri);
    const alice = await addPerson(server.url, server.adminKey, 'alice');
    const body = {
      datasourceID: 'rest',
      qName: 'evil',
      connectionProperties: {
        ...{ url: `${evil.url}/`, authSchema: 'oauth2', clientId: 'c', clientSecret: 's', scope: 'read' },
        ...{ authorizationUrl: `${evil.url}/auth`, tokenUrl: `${evil.url}/token` },
      },
    };
    const begun = await alice.api.post('/api/v1/data-connections', { ...body, authUrlOnly: true });
    expect(begun.status, begun.text).toBe(201);
    const asked = new URL(begun.body.authUrl).searchParams;
    // What the evil authorization endpoint would redirect the browser to.
    const onward = new URL(authorizationEndpoint);
    for (const [name, value] of Object.entries({
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: redirectUri,
      scope: 'openid read',
      state: asked.get('state') ?? '',
      code_challenge: asked.get('code_challenge') ?? '',
      code_challenge_method: 'S256',
      prompt: 'consent',
    })) {
      onward.searchParams.set(name, value);
    }
    const { login, password } = good.users[0];
    const page = await walkSignIn({ authUrl: onward.href, login, password });
    expect(page.status).toBe(400);
    expect(page.html).not.toContain('id="auth-code"');
    expect(evil.connections()).toBe(0);
    expect(good.counts().token.authorization_code).toBe(0);
    const state = await alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`);
    expect(state.body.state).toBe('pending');
  } finally {
    await server.close();
    await evil.close();
    await good.close();
  }
});
