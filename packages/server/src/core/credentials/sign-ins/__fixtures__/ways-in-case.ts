import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../../testing/start-server.js';

export const door = '/api/v1/data-connections';

/** Whom an assertion is of, if its signature is valid. */
type SubjectOf = (assertion: string, audience: string) => Promise<string | undefined>;

interface WaysInParts {
  lab: LabAuthorizationServer;
  /** Answers with the user of the access token. */
  source: LoopbackServer;
  /** Token endpoint of service accounts. */
  robots: LoopbackServer;
  server: TestServer;
  alice: TestUser;
  bob: TestUser;
  /** Of connections that were created. */
  serial: number;
  robotTokens: number;
}

const startSource = (lab: LabAuthorizationServer): Promise<LoopbackServer> =>
  listenOnLoopback(0, () => async (request, response) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const known = await lab.verifyAccessToken(token);
    const sub = token.startsWith('robot-') ? token : known.sub;
    response.writeHead(sub ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify(sub ? [{ sub }] : { error: 'no' }));
  });

const startRobots = (given: WaysInParts, subjectOf: SubjectOf): Promise<LoopbackServer> =>
  listenOnLoopback(0, () => async (request, response) => {
    const form = new URLSearchParams((await readRequestBody(request)).toString());
    const subject = await subjectOf(form.get('assertion') ?? '', `${given.robots.url}/token`);
    given.robotTokens += 1;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: `robot-${subject}`, token_type: 'Bearer', expires_in: 600 }));
  });

/** @param subjectOf for tests with service accounts */
export function waysInCase(subjectOf: SubjectOf = async () => undefined) {
  const given = { serial: 0, robotTokens: 0 } as WaysInParts;

  beforeAll(async () => {
    given.lab = await startAuthorizationServer();
    given.source = await startSource(given.lab);
    given.robots = await startRobots(given, subjectOf);
    given.server = await startServer();
    given.alice = await addUser(given.server.url, given.server.adminKey, 'alice');
    given.bob = await addUser(given.server.url, given.server.adminKey, 'bob');
  });
  afterAll(async () => {
    await given.server.close();
    await given.source.close();
    await given.robots.close();
    await given.lab.close();
  });
  beforeEach(() => {
    given.lab.switches.tokenNext = [];
    given.lab.resetCounts();
  });

  return {
    given,
    create: (person: TestUser, properties: object, more: object = {}) => {
      given.serial += 1;
      return person.api.post(door, {
        datasourceID: 'rest',
        qName: `ways ${given.serial}`,
        connectionProperties: { url: given.source.url, ...properties },
        ...more,
      });
    },
    device: (more: object = {}) => ({
      authSchema: 'oauth2Device',
      issuer: given.lab.issuer,
      clientId: given.lab.client.clientId,
      clientSecret: given.lab.client.clientSecret,
      scope: 'openid read',
      ...more,
    }),
    read: (person: TestUser, id: string) =>
      person.api.post(`${door}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' }),
    /** The user decides on the other device. */
    asDevice: (authUrl: string, login: 'alice' | 'bob' = 'alice', decision: 'allow' | 'deny' = 'allow') => {
      const { password } = given.lab.users[login === 'alice' ? 0 : 1];
      return walkSignIn({ authUrl, login, password, decision, endsAtServer: true });
    },
    stateOf: async (person: TestUser, id: string) => (await person.api.get(`/api/v1/sign-ins/${id}`)).body,
    devicePolls: () => given.lab.counts().token.other,
  };
}
