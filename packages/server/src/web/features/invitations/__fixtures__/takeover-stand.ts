import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { expect } from 'vitest';
import {
  type Answer,
  type ApiClient,
  addUser,
  apiClient,
  redeem,
  type TestUser,
} from '../../../../testing/api-client.js';
import { startServer } from '../../../../testing/start-server.js';

// A tenant administrator invites Alice, who has had access for long, and redeems the link themselves. DECISIONS 1.

export const connections = '/api/v1/data-connections';
export const credentials = '/api/v1/data-credentials';
export const keys = '/api/v1/api-keys';

export interface Made {
  qID: string;
  qName: string;
  at: string;
}

export interface Invited {
  key: string;
  keyId: string;
  api: ApiClient;
}

const loginOf = (authorization = '') =>
  Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8');

/** A source that records each login that it gets, as `user:password` after a prefix. */
export const recordingSource = (sent: string[], prefix = ''): Promise<LoopbackServer> =>
  listenOnLoopback(0, () => (request, response) => {
    sent.push(prefix + loginOf(request.headers.authorization));
    response.writeHead(200, { 'content-type': 'application/json' }).end('[{"a":1}]');
  });

export const codeOf = ({ body }: Answer) => body?.errors?.[0]?.code;
export const reasonOf = ({ body }: Answer) => body?.errors?.[0]?.meta?.reason;

export const use = (api: ApiClient, made: Made) =>
  api.post(`${made.at}/actions/preview`, { path: [], limit: 1 });
export const stateOf = async (api: ApiClient, made: Made) => (await api.get(`${made.at}/credential`)).body;
export const patch = (api: ApiClient, made: Made, change: Record<string, unknown>) =>
  api.patch(
    made.at,
    Object.entries(change).map(([name, value]) => ({ op: 'add', path: `/${name}`, value })),
  );
export const expectDenied = (answer: Answer, what?: string) =>
  expect([answer.status, codeOf(answer)], `${what}: ${answer.text}`).toEqual([403, 'ACCESS-DENIED']);

/** Alice and Carol with their connections, and `taken`: the key that the administrator holds. */
export async function startTakeover() {
  /** Logins that the source got. */
  const sent: string[] = [];
  let count = 0;
  const server = await startServer();
  const source = await recordingSource(sent);
  const admin = apiClient(server.url, server.adminKey);
  const alice = await addUser(server.url, server.adminKey, 'alice', ['TenantAdmin']);
  const carol = await addUser(server.url, server.adminKey, 'carol');
  const space = await carol.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' });
  const spaceId: string = space.body.id;
  const member = { type: 'user', assigneeId: alice.id, roles: ['facilitator', 'producer', 'dataconsumer'] };
  await carol.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);

  const invited = async (userId = alice.id): Promise<Invited> => {
    const { token } = (await admin.post('/api/v1/invitations', { userId })).body;
    const { key } = await redeem(server.url, token, 'from the invitation');
    const api = apiClient(server.url, key);
    const own = (await api.get(`${keys}?status=active&limit=100`)).body.data as {
      id: string;
      awaitsApproval?: true;
    }[];
    const ids = own.filter((one) => one.awaitsApproval).map(({ id }) => id);
    const known = (await api.get(`/api/v1/invitations?userId=${userId}`)).body.data?.[0]?.apiKeyId;
    return { key, keyId: (known ?? ids.at(-1)) as string, api };
  };

  const make = async (
    person: TestUser | { api: ApiClient },
    choice: object = {},
    inSpace?: string,
  ): Promise<Made> => {
    count += 1;
    const made = await person.api.post(connections, {
      datasourceID: 'rest',
      qName: `connection ${count}`,
      ...(inSpace === undefined ? {} : { space: inSpace }),
      connectionProperties: {
        ...{ url: `${source.url}/items`, authSchema: 'basic' },
        ...{ username: `user-${count}`, password: `secret-${count}-of-a-takeover` },
        ...choice,
      },
    });
    expect(made.status, made.text).toBe(201);
    const { qID, qName } = made.body;
    return { qID, qName, at: `${connections}/${qID}` };
  };
  /** A number that no other name has. */
  const next = () => count + 1;
  const separated = () => ({ separateCredentials: true, credentialsName: `login ${next()}` });
  const own = await make(alice, separated());
  const embedded = await make(alice);
  const ofCarol = await make(carol, {}, spaceId);
  return {
    ...{ server, source, sent, admin, alice, carol, spaceId, own, embedded, ofCarol },
    ...{ invited, make, next, separated, taken: await invited() },
    async close() {
      await server.close();
      await source.close();
    },
  };
}

export type TakeoverStand = Awaited<ReturnType<typeof startTakeover>>;
