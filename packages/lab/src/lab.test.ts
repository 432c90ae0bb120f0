import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runLab, startLab } from './lab.js';
import { walkSignIn } from './sign-in-walk.js';

describe('the whole lab', () => {
  it('starts connected: a token obtained by a user opens BigQuery and the REST API', async () => {
    const lab = await startLab({ rowsInBig: 10 });
    try {
      const { authorizationServer: server, bigquery, restApi } = lab;
      const redirect = `${restApi.url}/anonymous/whoami`;
      server.addRedirectUri(redirect);
      const verifier = randomBytes(32).toString('base64url');
      const params = new URLSearchParams({
        response_type: 'code',
        client_id: server.client.clientId,
        redirect_uri: redirect,
        scope: 'https://www.googleapis.com/auth/bigquery',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      });
      const authUrl = `${server.authorizationEndpoint}?${params}`;
      const { finalUrl } = await walkSignIn({ authUrl, ...server.users[1] });
      const answer = await fetch(server.tokenEndpoint, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: new URL(finalUrl).searchParams.get('code') ?? '',
          redirect_uri: redirect,
          code_verifier: verifier,
          client_id: server.client.clientId,
          client_secret: server.client.clientSecret,
        }),
      });
      const { access_token: token } = (await answer.json()) as { access_token: string };
      const headers = { authorization: `Bearer ${token}` };
      const whoami = await fetch(`${restApi.url}/oauth/whoami`, { headers });
      expect(await whoami.json()).toEqual({ who: 'bob' });
      const tables = `${bigquery.url}/bigquery/v2/projects/${bigquery.projectId}/datasets/sales/tables`;
      const data = await fetch(`${tables}/orders/data`, { headers });
      expect(await data.json()).toMatchObject({ totalRows: '3' });
      expect(JSON.parse(JSON.stringify(lab.addresses))).toEqual(lab.addresses);
    } finally {
      await Promise.all([lab.close(), lab.close()]);
    }
    for (const url of [lab.s3.url, lab.bigquery.url, lab.restApi.url, lab.authorizationServer.url]) {
      await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    }
  });

  it('prints one JSON line and closes on SIGTERM', async () => {
    const lines: string[] = [];
    let seen = () => {};
    const printed = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const ended = runLab(
      (line) => {
        lines.push(line);
        seen();
      },
      { rowsInBig: 10 },
    );
    await printed;
    const addresses = JSON.parse(lines[0] ?? '');
    expect((await fetch(addresses.s3.url)).status).toBe(403);
    process.emit('SIGTERM');
    await ended;
    expect(lines).toHaveLength(1);
    await expect(fetch(addresses.s3.url)).rejects.toThrow();
  });
});
