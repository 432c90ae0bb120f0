import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { expect, it } from 'vitest';
import { addUser } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';

it('O07: a provider that redirects users to another one with its own state gets no code of that one', async () => {
  const [good, evil] = await Promise.all([startAuthorizationServer(), startAuthorizationServer()]);
  const { issuer, authorizationEndpoint, tokenEndpoint, client } = good;
  const server = await startServer({
    configuration: {
      oauth: { clients: { google: { ...client, issuer, authorizationEndpoint, tokenEndpoint } } },
    },
  });
  try {
    const redirectUri = `${server.url}/oauth/callback/google`;
    good.addRedirectUri(redirectUri);
    evil.switches.sendOnTo = {
      authorizationEndpoint,
      parameters: { client_id: client.clientId, redirect_uri: redirectUri, scope: 'openid read' },
    };
    const alice = await addUser(server.url, server.adminKey, 'alice');
    const begun = await alice.api.post('/api/v1/data-connections', {
      datasourceID: 'rest',
      qName: 'evil',
      connectionProperties: {
        ...{ url: `${evil.url}/`, authSchema: 'oauth2', clientId: 'c', clientSecret: 's', scope: 'read' },
        ...{ authorizationUrl: evil.authorizationEndpoint, tokenUrl: evil.tokenEndpoint },
      },
      authUrlOnly: true,
    });
    expect(begun.status, begun.text).toBe(201);
    const { login, password } = good.users[0];
    const sentOn = await fetch(begun.body.authUrl, { redirect: 'manual' });
    const onward = sentOn.headers.get('location') ?? '';
    expect(onward).toContain(authorizationEndpoint);
    const page = await walkSignIn({ authUrl: onward, login, password });
    expect(page.finalUrl).toContain(redirectUri);
    expect(page.status).toBe(400);
    expect(page.html).not.toContain('id="auth-code"');
    expect(evil.counts()).toMatchObject({ authorization: 1, token: { authorization_code: 0, other: 0 } });
    expect(good.counts()).toMatchObject({ token: { authorization_code: 0, other: 0 } });
    const state = await alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`);
    expect(state.body.state).toBe('pending');
  } finally {
    await server.close();
    await evil.close();
    await good.close();
  }
});
