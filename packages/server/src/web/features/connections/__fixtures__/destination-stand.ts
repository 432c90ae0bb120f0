import { type Canary, startCanary } from '@mooring/lab/canary';
import { expect } from 'vitest';
import { addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer } from '../../../../testing/start-server.js';

const path = '/api/v1/data-connections';
export const login = { username: 'somebody', password: 'canary-of-a-door' };

export interface MadeConnection {
  qID: string;
  qName: string;
  qSeparateCredentials: boolean;
}

export type DestinationStand = Awaited<ReturnType<typeof startDestinationStand>>;

/** A server, two databases that count their connections, and users who share two spaces. */
export async function startDestinationStand() {
  const server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
  const [here, there]: [Canary, Canary] = [await startCanary(), await startCanary()];
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const bob = await addUser(server.url, server.adminKey, 'bob');
  const admin = await addUser(server.url, server.adminKey, 'administrator', ['TenantAdmin']);
  const shareSpace = async (name: string): Promise<string> => {
    const { id } = (await alice.api.post('/api/v1/spaces', { name, type: 'shared' })).body;
    const member = { type: 'user', assigneeId: bob.id, roles: ['facilitator', 'producer', 'dataconsumer'] };
    await alice.api.post(`/api/v1/spaces/${id}/assignments`, member);
    return id;
  };
  const [spaceId, otherSpaceId] = [await shareSpace('One'), await shareSpace('Two')];
  const definition = () => ({ host: here.host, port: here.port, db: 'one', sslmode: 'disable' });
  let count = 0;
  const create = async (choice: object = {}): Promise<MadeConnection> => {
    count += 1;
    const made = await alice.api.post(path, {
      ...{ datasourceID: 'postgres', qName: `connection ${count}`, space: spaceId },
      connectionProperties: { ...definition(), ...login, ...choice },
    });
    expect(made.status, made.text).toBe(201);
    return made.body;
  };
  return {
    ...{ here, there, alice, bob, admin, spaceId, otherSpaceId, definition },
    /** Of Alice, in the first space, with an embedded login unless the choice separates it. */
    create,
    separated: () => create({ separateCredentials: true, credentialsName: `login ${count}` }),
    state: async (id: string, person: TestUser = alice) =>
      (await person.api.get(`${path}/${id}/credential`)).body,
    put: ({ qID, qName }: MadeConnection, isSeparated: boolean, more: object) =>
      alice.api.put(`${path}/${qID}`, {
        ...{ qID, qEngineObjectID: qID, qName, qType: 'QvOdbcConnectorPackage.exe' },
        ...{ datasourceID: 'postgres', qSeparateCredentials: isSeparated, space: spaceId, ...more },
      }),
    /** Points the connection at another port. */
    move: ({ qID }: MadeConnection, port: number, person: TestUser = alice) =>
      person.api.patch(`${path}/${qID}`, [
        { op: 'replace', path: '/connectionProperties/port', value: port },
      ]),
    /** Connections that the databases have seen. */
    dialled: () => here.connections() + there.connections(),
    async close() {
      await server.close();
      await Promise.all([here.close(), there.close()]);
    },
  };
}
