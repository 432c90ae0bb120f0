import { randomUUID } from 'node:crypto';
import type newer from '@qlik/api/connectivity/data-connections';
import type newerCredentials from '@qlik/api/connectivity/data-credentials';
import type older from '@qlik/api/data-connections';
import type olderCredentials from '@qlik/api/data-credentials';
import { expect } from 'vitest';
import { walkPages } from './paging.js';
import type { Run } from './run.js';

type Connections = typeof older | typeof newer;
type Credentials = typeof olderCredentials | typeof newerCredentials;

/** Functions of both doors, also where their names differ. */
export function doorsOf(run: Run) {
  const v1 = run.driven<typeof older>('data-connections');
  const v1Credentials = run.driven<typeof olderCredentials>('data-credentials');
  const connectivity = run.driven<typeof newer>('connectivity/data-connections');
  const connectivityCredentials = run.driven<typeof newerCredentials>('connectivity/data-credentials');
  return [
    {
      door: 'v1',
      connections: v1 as Connections,
      duplicate: v1.duplicateDataAConnection,
      credentials: v1Credentials as Credentials,
      filterOrphans: v1Credentials.filterOrphanedDataCredentials,
    },
    {
      door: 'connectivity',
      connections: connectivity as Connections,
      duplicate: connectivity.duplicateDataConnections,
      credentials: connectivityCredentials as Credentials,
      filterOrphans: connectivityCredentials.filterOrphanDataCredentials,
    },
  ] as const;
}
export type Door = ReturnType<typeof doorsOf>[number];

const properties = {
  host: 'db.example.com',
  db: 'sales',
  username: 'reader',
  password: 'canary-conformance',
};
const qType = 'QvOdbcConnectorPackage.exe';

async function create({ connections }: Door, qName: string, more: object = {}): Promise<string> {
  const { data } = await connections.createDataConnection({
    datasourceID: 'postgres',
    qName,
    tags: ['conformance'],
    connectionProperties: {
      ...properties,
      separateCredentials: true,
      credentialsName: `of ${qName}`,
      ...more,
    },
  });
  if ('authUrl' in data) throw new Error('A sign-in, not a connection');
  return data.qID;
}

/** Creates in both documented ways, and begins a sign-in. */
export async function driveCreation(door: Door): Promise<void> {
  const { connections } = door;
  const byStatement = await connections.createDataConnection({
    datasourceID: 'postgres',
    qName: `${door.door} by statement`,
    qType,
    qConnectStatement: `CUSTOM CONNECT TO "provider=${qType};driver=postgres;host=db.example.com;db=sales;"`,
    qUsername: 'reader',
    qPassword: 'canary-conformance',
    qID: randomUUID(),
  });
  if ('authUrl' in byStatement.data) throw new Error('A sign-in, not a connection');
  const begun = await connections.createDataConnection({
    datasourceID: 'rest',
    qName: `${door.door} by sign-in`,
    authUrlOnly: true,
    connectionProperties: {
      url: 'https://api.example.com/',
      authSchema: 'oauth2',
      authorizationUrl: 'https://login.example.com/auth',
      tokenUrl: 'https://login.example.com/token',
      clientId: 'client',
    },
  });
  expect(begun.data).toHaveProperty('authUrl');
  await connections.deleteDataConnection(byStatement.data.qID, {});
}

/** Lists with every option, walks the pages, and reads one by id and by name. */
export async function driveReading(door: Door): Promise<void> {
  const { connections } = door;
  const names = ['b', 'C', 'a'].map((letter) => `${door.door} ${letter}`);
  const ids: string[] = [];
  for (const name of names) ids.push(await create(door, name));
  const filter = `qName sw "${door.door} " and qType eq "${qType}"`;
  const first = await connections.getDataConnections({
    filter,
    limit: 1,
    sort: '+qName',
    caseinsensitive: true,
    locale: 'en',
    includeQris: true,
  });
  const walked = await walkPages(first, (one: { qName: string }) => one.qName);
  expect(walked).toEqual(['a', 'b', 'C'].map((letter) => `${door.door} ${letter}`));
  const options = {
    personal: true,
    ownedByMe: true,
    noDatafiles: true,
    extended: true,
    includeDisabled: true,
  };
  const own = await connections.getDataConnections({ ...options, filter });
  expect(own.data.data?.map((one) => one.qID).toSorted()).toEqual(ids.toSorted());
  expect(own.data.data?.filter((one) => one.qri)).toEqual([]);
  const withQris = await connections.getDataConnections({ filter, includeQris: true });
  expect(withQris.data.data?.filter((one) => one.qri)).toHaveLength(ids.length);
  const [id = ''] = ids;
  const byId = await connections.getDataConnection(id, { parseConnection: true });
  expect(byId.data.connectionProperties).toMatchObject({ host: 'db.example.com', db: 'sales' });
  const byName = await connections.getDataConnection(`${door.door} b`, { type: 'connectionname' });
  expect(byName.data.qID).toBe(id);
  await connections.deleteDataConnections({ connections: ids.map((one) => ({ id: one })) });
}

/** Changes one by PUT, PATCH and in bulk, copies it, and deletes singly and in bulk. */
export async function driveChanges(door: Door): Promise<void> {
  const { connections } = door;
  const id = await create(door, `${door.door} to change`);
  const { data: before } = await connections.getDataConnection(id, {});
  const { qConnectStatement, qEngineObjectID, qID } = before;
  const put = { qConnectStatement, qEngineObjectID, qID, qType, datasourceID: 'postgres' };
  await connections.updateDataConnection(
    id,
    {},
    {
      ...put,
      qName: `${door.door} put`,
      qSeparateCredentials: true,
    },
  );
  const name = `${door.door} patched`;
  await connections.patchDataConnection(id, {}, [{ op: 'replace', path: '/qName', value: name }]);
  const copy = await door.duplicate({ id });
  const renamed = { id: copy.data.qID, name: `${door.door} renamed` };
  const missing = { id: randomUUID() };
  const bulk = await connections.updateDataConnections({ connections: [renamed, missing] });
  expect(bulk.data.data?.map(({ status }) => status)).toEqual([204, 404]);
  const after = await connections.getDataConnection(copy.data.qID, {});
  expect(after.data.qName).toBe(renamed.name);
  const deleted = await connections.deleteDataConnections({ connections: [{ id: copy.data.qID }, missing] });
  expect(deleted.data.data?.map(({ status }) => status)).toEqual([204, 404]);
  expect((await connections.getDataConnection(id, {})).data.qName).toBe(name);
  await connections.deleteDataConnection(id, {});
}

/** Reads by id and by name, PUT, PATCH, the orphan that a deleted connection leaves, and its deletion. */
export async function driveCredentials(door: Door): Promise<void> {
  const { connections, credentials } = door;
  const name = `${door.door} with login`;
  const connectionId = await create(door, name);
  const { data } = await connections.getDataConnection(connectionId, {});
  const qID = data.qCredentialsID ?? '';
  const byName = await credentials.getDataCredential(`of ${name}`, { byCredentialName: true });
  expect(byName.data.qID).toBe(qID);
  const login = { qUsername: 'reader', qPassword: 'canary-conformance', qType, datasourceID: 'postgres' };
  await credentials.updateDataCredential(qID, {}, { ...login, qName: `${door.door} login`, connectionId });
  await credentials.patchDataCredential(qID, {}, [
    { op: 'replace', path: '/qName', value: `${door.door} own` },
  ]);
  expect((await credentials.getDataCredential(qID, {})).data.qName).toBe(`${door.door} own`);
  await connections.deleteDataConnection(connectionId, {});
  const orphans = await door.filterOrphans({ datasourceID: 'postgres', qSeparated: 1, qType });
  expect(orphans.data.data?.map((one) => one.qID)).toContain(qID);
  await credentials.deleteDataCredential(qID, {});
}
