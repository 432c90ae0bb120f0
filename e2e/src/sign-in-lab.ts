import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import type { Answer, ApiClient } from '@mooring/server/testing/api-client';
import { type MooringOptions, type MooringProcess, startMooring } from './mooring-process.js';

/** Mooring with the lab's authorization server in Google's place, and the BigQuery that takes its tokens. */
export interface SignInLab {
  mooring: MooringProcess;
  /** Its configuration, to start more nodes. */
  configuration: object;
  authorizationServer: LabAuthorizationServer;
  bigquery: LabBigQuery;
  close(): Promise<void>;
}

export async function startSignInLab(options: MooringOptions = {}): Promise<SignInLab> {
  const authorizationServer = await startAuthorizationServer();
  const bigquery = await startBigQuery({ verifyAccessToken: authorizationServer.verifyAccessToken });
  const { client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = authorizationServer;
  const google = { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
  const configuration = {
    ...options.configuration,
    oauth: { clients: { google } },
    sources: { gbq: { apiEndpoint: bigquery.url, tokenEndpoint: bigquery.serviceAccountKey.token_uri } },
  };
  const closeLab = async () => {
    await Promise.all([authorizationServer.close(), bigquery.close()]);
  };
  const mooring = await startMooring({ ...options, configuration }).catch(async (error: unknown) => {
    await closeLab();
    throw error;
  });
  authorizationServer.addRedirectUri(`${mooring.url}/oauth/callback/google`);
  return {
    mooring,
    configuration,
    authorizationServer,
    bigquery,
    async close() {
      await mooring.stop();
      await closeLab();
    },
  };
}

/** Content of the element that the contract names. */
export function codeOnPage(html: string): string {
  const code = /<[^>]+ id="?auth-code"?[^>]*>([^<]*)</.exec(html)?.[1]?.trim();
  if (!code) throw new Error(`The page has no code:\n${html.slice(0, 2000)}`);
  return code;
}

/** Signs in as a user would in a browser, and reads the code from the final page. */
export async function signInAndCopyCode(
  { authorizationServer }: Pick<SignInLab, 'authorizationServer'>,
  authUrl: string,
  login: 'alice' | 'bob' = 'alice',
): Promise<string> {
  const user = authorizationServer.users.find((one) => one.login === login);
  if (!user) throw new Error(`The lab has no user ${login}`);
  const { login: name, password } = user;
  return codeOnPage((await walkSignIn({ authUrl, login: name, password })).html);
}

/** A BigQuery connection of Alice's, made in two calls with her sign-in between them. @returns its path */
export async function connectWarehouse(lab: SignInLab, api: ApiClient, qName = 'warehouse'): Promise<string> {
  const properties = { OAuthMechanism: '1', Catalog: lab.bigquery.projectId };
  const begin = { datasourceID: 'gbq', qName, connectionProperties: properties };
  const begun = await api.post('/api/v1/data-connections', { ...begin, authUrlOnly: true });
  const authCode = await signInAndCopyCode(lab, begun.body.authUrl);
  const created = await api.post('/api/v1/data-connections', {
    ...begin,
    connectionProperties: { ...properties, authCode },
  });
  if (created.status !== 201) throw new Error(`The connection was not made: ${created.text}`);
  return `/api/v1/data-connections/${created.body.qID}`;
}

/** Asks BigQuery, through the connection, whose token it uses. */
export const askWho = (api: ApiClient, connection: string): Promise<Answer> =>
  api.post(`${connection}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
