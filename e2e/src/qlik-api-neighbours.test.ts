import { manifests } from '@mooring/connectors/registry';
import { createApiClient } from '@mooring/contract/client';
import { createInvitation, redeemInvitation } from '@mooring/contract/routes/invitations';
import apiKeys from '@qlik/api/api-keys';
import type { HostConfig } from '@qlik/api/auth';
import dataConnections from '@qlik/api/data-connections';
import dataSources from '@qlik/api/data-sources';
import spaces from '@qlik/api/spaces';
import tenants from '@qlik/api/tenants';
import users from '@qlik/api/users';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import {
  apiKeyShape,
  connectionCreatedShape,
  dataSourceShape,
  differences,
  spaceShape,
  tenantShape,
  userShape,
} from './qlik-shapes.js';

// What real clients call around the connections, with Qlik's own client.

let mooring: MooringProcess;
let options: { hostConfig: HostConfig; noCache: true };

beforeAll(async () => {
  mooring = await startMooring();
  options = {
    hostConfig: { host: mooring.url, authType: 'apikey', apiKey: mooring.adminKey },
    noCache: true,
  };
});
afterAll(() => mooring.stop());

/** How users get in is not in Qlik's contract. */
async function keyByInvitation(userId: string): Promise<string> {
  const { token } = await createApiClient({ url: mooring.url, token: mooring.adminKey }).call(
    createInvitation,
    {
      body: { userId },
    },
  );
  const { apiKey } = await createApiClient({ url: mooring.url }).call(redeemInvitation, { body: { token } });
  return apiKey.token;
}

const as = (apiKey: string) => ({
  hostConfig: { host: mooring.url, authType: 'apikey', apiKey } as HostConfig,
  noCache: true,
});

describe('the neighbours with @qlik/api', () => {
  it('lists the data sources, and one of them', async () => {
    const { status, data } = await dataSources.getDataSources({ includeui: true }, options);
    expect(status).toBe(200);
    expect(data.lastUpdated).toEqual(expect.any(String));
    for (const source of data.dataSources) expect(differences(dataSourceShape, source)).toEqual([]);
    expect(data.dataSources.map((source) => source.dataSourceId).toSorted()).toEqual(
      manifests.map(({ id }) => id).toSorted(),
    );
    const icon = await fetch(String(data.dataSources[0]?.uiInfo?.iconSquareUrl));
    expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    const one = await dataSources.getDataSources({ dataSourceId: 'postgres' }, options);
    expect(one.data.dataSources).toHaveLength(1);
    await expect(dataSources.getDataSources({ dataSourceId: 'nothing' }, options)).rejects.toMatchObject({
      status: 404,
      data: { errors: [{ code: 'DCAAS-2001' }] },
    });
  });

  it('has api-specs of every source, with the separated-credentials trio', async () => {
    const { data } = await dataSources.getDataSources({}, options);
    for (const { dataSourceId, provider } of data.dataSources) {
      const specs = await dataSources.getDataSourceApiSpecs(dataSourceId, options);
      expect(specs.status).toBe(200);
      expect(specs.data).toEqual({
        connectorProvider: provider,
        connectorVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        connectionProperties: expect.objectContaining({ type: 'object' }),
      });
      const { properties } = specs.data.connectionProperties as { properties: Record<string, object> };
      expect(properties).toMatchObject({
        separateCredentials: { type: 'boolean', default: false },
        selectedCredentials: { type: 'string' },
        credentialsName: { type: 'string' },
      });
    }
    await expect(dataSources.getDataSourceApiSpecs('nothing', options)).rejects.toMatchObject({
      status: 404,
    });
  });

  it('knows the caller and the tenant', async () => {
    const me = await users.getMyUser(options);
    expect([me.status, differences(userShape, me.data)]).toEqual([200, []]);
    expect(me.data.assignedRoles?.map((role) => role.name)).toContain('TenantAdmin');
    const tenant = await tenants.getMyTenant(options);
    expect([tenant.status, differences(tenantShape, tenant.data)]).toEqual([200, []]);
    expect(tenant.data.id).toBe(me.data.tenantId);
  });

  it('adds users, who make their own keys, and revokes a key at once', async () => {
    const created = await users.createUser({ subject: 'carol', name: 'Carol' }, options);
    expect([created.status, differences(userShape, created.data)]).toEqual([201, []]);
    const first = as(await keyByInvitation(created.data.id));
    const key = await apiKeys.createApiKey({ description: "Carol's laptop", expiry: 'P30D' }, first);
    expect([key.status, differences(apiKeyShape, key.data)]).toEqual([201, []]);
    expect(key.data.token).toEqual(expect.any(String));
    const asCarol = as(key.data.token);
    expect((await users.getMyUser(asCarol)).data.id).toBe(created.data.id);

    const own = await apiKeys.getApiKeys({}, asCarol);
    expect(own.data.data.map((one) => one.id)).toContain(key.data.id);
    for (const one of own.data.data) {
      expect(differences(apiKeyShape, one)).toEqual([]);
      expect(one).not.toHaveProperty('token');
    }
    const everyone = await users.getUsers({ limit: 1 }, options);
    expect(everyone.data.data).toHaveLength(1);
    const next = await everyone.next?.(options);
    expect(next?.data.data).toHaveLength(1);
    expect(next?.next).toBeUndefined();

    expect((await apiKeys.deleteApiKey(key.data.id, options)).status).toBe(204);
    await expect(users.getMyUser(asCarol)).rejects.toMatchObject({ status: 401 });
  });

  it('makes a space, a member and a connection in it, and finds the connection by name and space', async () => {
    const space = await spaces.createSpace({ name: 'Finance', type: 'shared', description: 'Ours' }, options);
    expect([space.status, differences(spaceShape, space.data)]).toEqual([201, []]);
    const spaceId = space.data.id;
    await expect(spaces.createSpace({ name: 'Finance', type: 'shared' }, options)).rejects.toMatchObject({
      status: 409,
    });
    const found = await spaces.getSpaces({ name: 'finan', type: 'shared' }, options);
    expect(found.data.data?.map((one) => one.id)).toEqual([spaceId]);
    expect(differences(spaceShape, (await spaces.getSpace(spaceId, options)).data)).toEqual([]);

    const dave = await users.createUser({ subject: 'dave' }, options);
    const asDave = as(await keyByInvitation(dave.data.id));
    const connection = await dataConnections.createDataConnection(
      {
        datasourceID: 'postgres',
        qName: 'Ledger',
        space: spaceId,
        connectionProperties: { host: 'db.example.com', db: 'ledger', separateCredentials: true },
        tags: ['finance'],
      },
      options,
    );
    if ('authUrl' in connection.data) throw new Error('A sign-in, not a connection');
    expect(differences(connectionCreatedShape, connection.data)).toEqual([]);
    const { qID } = connection.data;
    const scope = { type: 'connectionname', spaceId } as const;
    await expect(dataConnections.getDataConnection('Ledger', scope, asDave)).rejects.toMatchObject({
      status: 404,
    });

    const member = await spaces.createSpaceAssignment(
      spaceId,
      { type: 'user', assigneeId: dave.data.id, roles: ['dataconsumer'] },
      options,
    );
    expect(member.status).toBe(201);
    const shared = await dataConnections.getDataConnection('Ledger', scope, asDave);
    expect(shared.data).toMatchObject({ qID, space: spaceId, privileges: ['list', 'read'] });
    expect(shared.data).not.toHaveProperty('qCredentialsID');
    expect(shared.data.tags).toContain('finance');
    await expect(dataConnections.deleteDataConnection(qID, {}, asDave)).rejects.toMatchObject({
      status: 403,
    });
    const listed = await dataConnections.getDataConnections({ spaceId }, asDave);
    expect(listed.data.data?.map((one) => one.qID)).toEqual([qID]);

    expect((await spaces.deleteSpaceAssignment(spaceId, member.data.id, options)).status).toBe(204);
    await expect(dataConnections.getDataConnection(qID, {}, asDave)).rejects.toMatchObject({ status: 404 });
    await expect(spaces.deleteSpace(spaceId, options)).rejects.toMatchObject({ status: 409 });
    await dataConnections.deleteDataConnection(qID, {}, options);
    expect((await spaces.deleteSpace(spaceId, options)).status).toBe(204);
  });
});
