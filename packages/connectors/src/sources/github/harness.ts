import { startGithub } from '@mooring/lab/github';
import { Secret } from '../../interface/secret.js';
import type { Connection, SourceHarness } from '../../suite/harness.js';
import { startSilentHttp } from '../../suite/silent-server.js';
import { startTellingHttp } from '../../suite/telling-servers.js';

const releases = ['octo-org/engine', 'releases'];

export const harness: SourceHarness = {
  unasked: ['describe'],
  notInDemo: 'The demo shows an API over HTTP by REST.',
  destinations: ({ here, there }) => ({
    definition: { url: `${here.url}/api/v3` },
    credential: { token: 'canary-matrix' },
    path: releases,
    edits: [
      { what: 'host', meaning: 'confirm', change: { url: `http://localhost:${here.port}/api/v3` } },
      { what: 'port', meaning: 'confirm', change: { url: `${there.url}/api/v3` } },
      { what: 'path of the URL', meaning: 'confirm', change: { url: `${here.url}/other` } },
      { what: 'not http', meaning: 'refuse', change: { url: 'file:///etc/passwd' } },
      {
        what: 'auth type',
        meaning: 'confirm',
        change: { authSchema: 'oauth2', clientId: 'c', scope: 'read:org' },
        again: 'made elsewhere',
      },
      { what: 'organization', meaning: 'keep', change: { organization: 'octo-org' } },
    ],
    logins: { oauth2: { authSchema: 'oauth2', clientId: 'c', clientSecret: 'canary-client', scope: 'repo' } },
  }),
  async start({ provider } = {}) {
    const verifyAccessToken = provider?.server.verifyAccessToken;
    const granted = 'gho_granted';
    const lab = await startGithub({
      verifyAccessToken: verifyAccessToken ?? (async (token) => ({ active: token === granted })),
    });
    const [telling, silent] = [await startTellingHttp(), await startSilentHttp()];
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: { url: lab.url, token: lab.tokens.member, ...change },
    });
    return {
      good: [
        connection('token'),
        {
          ...connection('organization', { organization: lab.organization, token: lab.tokens.visitor }),
          // The other one is private.
          target: { path: ['octo-org/docs', 'releases'] },
        },
        ...(provider
          ? []
          : [
              {
                name: 'oauth',
                properties: { url: lab.url, authSchema: 'oauth2', clientId: 'c' },
                token: async () => new Secret(granted),
              },
            ]),
      ],
      wrong: connection('wrong', { token: 'ghp_wrongtokencanary' }),
      unreachable: connection('unreachable', { url: 'http://127.0.0.1:9/api/v3' }),
      refused: ({ awkward, plain }) => [
        connection('wrong', { token: plain('wrong') }),
        connection('wrong, with a client', {
          ...{ token: plain('wrong'), clientId: 'c', clientSecret: awkward('client') },
        }),
        connection('telling', { url: `${telling.url}/x/403`, token: plain('told') }),
        connection('closed', { url: 'http://127.0.0.1:9/api/v3', token: plain('closed') }),
      ],
      readable: { path: releases, rows: 6 },
      types: [
        {
          title: 'labels',
          read: { path: ['octo-org/engine', 'labels'] },
          columns: [
            { name: 'id', type: 'bigint' },
            { name: 'name', type: 'string' },
            { name: 'color', type: 'string' },
            { name: 'default', type: 'boolean' },
            { name: 'description', type: 'string' },
          ],
          rows: [
            ['208045946', 'bug', 'f29513', true, 'About bug'],
            ['208045947', 'docs', 'f29513', false, 'About docs'],
            ['208045948', 'good first issue', 'f29513', false, null],
          ],
        },
      ],
      slow: {
        connection: connection('silent', { url: silent.url }),
        read: { path: releases },
        isRunning: silent.isWaiting,
      },
      async close() {
        await lab.close();
        await telling.close();
        await silent.close();
      },
    };
  },
};
