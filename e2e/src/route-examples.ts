import { randomUUID } from 'node:crypto';
import { allRoutes } from '@mooring/contract/all-routes';
import type { Route } from '@mooring/contract/route';
import type { Belongings } from './populated-mooring.js';

/** A valid request for one route of the contract. */
export interface RouteExample {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  /** An object, or the list of a JSON Patch. */
  body?: Readonly<Record<string, unknown>> | readonly object[];
}

const fresh = (what: string) => `${what} ${randomUUID()}`;

function connectionExamples({ sourceProperties }: Belongings): Record<string, RouteExample> {
  const login = { username: 'someone', password: 'canary-password-of-an-example' };
  const properties = { ...sourceProperties, ...login, separateCredentials: 'true' };
  const create = (names: object): RouteExample => ({
    body: {
      ...names,
      connectionProperties: { ...properties, credentialsName: fresh('example') },
      tags: ['one'],
      authUrlOnly: false,
    },
  });
  return {
    createDataConnection: create({ datasourceID: 'postgres', qName: fresh('example') }),
    createDcaasDataConnection: create({ dataSourceId: 'postgres', connectionName: fresh('example') }),
    createDataCredential: {
      body: {
        datasourceID: 'postgres',
        qName: fresh('example'),
        connectionProperties: { ...sourceProperties, ...login },
      },
    },
    testUnsavedConnection: {
      body: { datasourceID: 'postgres', connectionProperties: { ...sourceProperties, ...login } },
    },
  };
}

/** Each leaves its connection unchanged. */
function changeExamples(has: Belongings): Record<string, RouteExample> {
  const { connectionId, connectionName, spaceId, sourceProperties } = has;
  const params = { qID: connectionId };
  const bulk = {
    datasourceID: 'postgres',
    qIDs: [has.credentialId],
    name: has.credentialsName,
    qUsername: 'someone',
    qPassword: 'canary-password-of-an-example',
  };
  const pairs = Object.entries({ ...sourceProperties, separateCredentials: 'true' });
  const statement = [
    'provider=QvOdbcConnectorPackage.exe',
    'driver=postgres',
    ...pairs.map((pair) => pair.join('=')),
  ];
  return {
    updateDataConnection: {
      params,
      body: {
        qID: connectionId,
        qEngineObjectID: connectionId,
        qName: connectionName,
        qType: 'QvOdbcConnectorPackage.exe',
        qConnectStatement: `CUSTOM CONNECT TO "${statement.join(';')};"`,
        datasourceID: 'postgres',
        qSeparateCredentials: true,
        space: spaceId,
      },
    },
    patchDataConnection: {
      params,
      body: [{ op: 'replace', path: '/qName', value: connectionName }],
    },
    bulkDeleteDataConnections: { body: { connections: [{ id: randomUUID() }] } },
    bulkUpdateDataConnections: { body: { connections: [{ id: connectionId, name: connectionName }] } },
    updateDataCredential: {
      params: { qID: has.credentialId },
      body: {
        qName: has.credentialsName,
        qType: 'QvOdbcConnectorPackage.exe',
        qUsername: 'someone',
        qPassword: 'canary-password-of-an-example',
        datasourceID: 'postgres',
        connectionId: connectionId,
      },
    },
    patchDataCredential: {
      params: { qID: has.credentialId },
      body: [{ op: 'replace', path: '/qName', value: has.credentialsName }],
    },
    rehearseDataCredentialChange: { body: bulk },
    changeDataCredentials: { body: bulk },
    duplicateDataConnection: { body: { id: connectionId, name: fresh('copy'), spaceId } },
  };
}

function useExamples(has: Belongings): Record<string, RouteExample> {
  const params = { qID: has.connectionId };
  const target = { path: ['lab', 'sales', 'orders'], columns: ['id'], limit: 10 };
  return {
    testConnection: { params },
    browseConnection: { params, body: { path: ['lab'], limit: 10, page: 'x' } },
    describeConnection: { params, body: { path: target.path } },
    previewConnection: { params, body: target },
    readConnection: { params, body: target },
    resolveConnection: { params, body: { as: has.userId } },
    getConnectionCredential: { params },
    putConnectionCredential: { params, body: { credentialId: has.credentialId } },
    confirmConnectionCredential: { params, body: { destination: has.destination } },
    deleteConnectionCredential: { params },
  };
}

function userExamples(has: Belongings): Record<string, RouteExample> {
  const params = { spaceId: has.spaceId };
  const page = { limit: '10' };
  return {
    getMyUser: {},
    listUsers: { query: page },
    createUser: {
      body: { subject: fresh('example'), name: 'Example', email: 'a@example.com', roles: ['DataAdmin'] },
    },
    filterUsers: { query: page, body: { filter: 'name co "a"' } },
    countUsers: {},
    inviteUsers: { body: { invitees: [{ email: 'invited@example.com', name: 'Invited' }] } },
    getUser: { params: { userId: has.memberId } },
    patchUser: {
      params: { userId: has.memberId },
      body: [{ op: 'replace', path: '/status', value: 'active' }],
    },
    leaveUser: { params: { userId: has.memberId }, body: { plan: true } },
    deleteUser: { params: { userId: has.memberId } },
    listApiKeys: { query: { sub: has.userId, status: 'active', ...page } },
    createApiKey: {
      body: { description: 'example', expiry: 'P1D', sub: has.userId, subType: 'user' },
    },
    getApiKey: { params: { id: has.apiKeyId } },
    patchApiKey: {
      params: { id: has.apiKeyId },
      body: [{ op: 'replace', path: '/description', value: 'example' }],
    },
    getApiKeysConfig: { params: { tenantId: has.tenantId } },
    patchApiKeysConfig: {
      params: { tenantId: has.tenantId },
      body: [{ op: 'replace', path: '/max_keys_per_user', value: 1000 }],
    },
    deleteApiKey: { params: { id: has.apiKeyId } },
    approveApiKey: { params: { id: has.apiKeyId } },
    createInvitation: { body: { userId: has.memberId, expiresIn: 'P2D' } },
    listInvitations: { query: page },
    deleteInvitation: { params: { id: randomUUID() } },
    redeemInvitation: {
      body: { token: 'mri_00000000000000000000000000000000_000000', description: 'example' },
    },
    setupPage: {},
    listSpaces: { query: { name: 'a', type: 'shared,data', ownerId: has.userId, ...page } },
    createSpace: { body: { name: fresh('example'), type: 'managed', description: 'example' } },
    listSpaceTypes: {},
    getSpace: { params },
    updateSpace: { params, body: { name: has.spaceName, description: 'example' } },
    patchSpace: { params, body: [{ op: 'replace', path: '/description', value: 'example' }] },
    deleteSpace: { params },
    listAssignments: { params, query: { assigneeId: has.userId, ...page } },
    createAssignment: { params, body: { type: 'user', assigneeId: has.userId, roles: ['producer'] } },
    getAssignment: { params: { ...params, assignmentId: has.assignmentId } },
    putAssignment: {
      params: { ...params, assignmentId: has.assignmentId },
      body: { roles: ['dataconsumer'] },
    },
    deleteAssignment: { params: { ...params, assignmentId: has.assignmentId } },
  };
}

/** On a source that no other example uses, because these may disable it. */
function sourceExamples(has: Belongings): Record<string, RouteExample> {
  const params = { dataSourceId: 'mysql' };
  return {
    getDataSourceGateways: { params, query: { forceRefresh: 'true' } },
    getDataSourceSettings: { params },
    putDataSourceSettings: { params, body: { disabled: false } },
    connectivityGetDataSourceEndpoints: {},
    connectivityFilterDataSourceEndpoints: { body: { connectionId: has.connectionId, type: 'rld' } },
    connectivityGenerateQri: {
      body: { data: [{ connection: has.connectionId, connectionType: 'id' }], rawValues: false },
    },
  };
}

/** On a machine client that does not exist. */
function machineExamples(): Record<string, RouteExample> {
  const params = { id: 'd8a3f6c12b4e4f7a9c0d5e6f' };
  return {
    listOAuthClients: { query: { limit: '10' } },
    createOAuthClient: { body: { clientName: fresh('client'), appType: 'web' } },
    getOAuthClient: { params },
    patchOAuthClient: { params, body: [{ op: 'replace', path: '/description', value: 'example' }] },
    deleteOAuthClient: { params },
    createOAuthClientSecret: { params },
    deleteOAuthClientSecret: { params: { ...params, hint: 'abcdef' } },
    issueToken: {
      body: { grant_type: 'client_credentials', client_id: params.id, client_secret: 'not-a-secret' },
    },
    listOAuthTokens: { query: { limit: '10' } },
    revokeOAuthToken: { params: { tokenId: params.id } },
  };
}

/** By the id of the route. */
function routeExamples(has: Belongings): Record<string, RouteExample> {
  const connection = { qID: has.connectionId };
  const credential = { qID: has.credentialId };
  const source = { dataSourceId: 'postgres' };
  return {
    healthz: {},
    getSelfCheck: {},
    readyz: {},
    metrics: {},
    openapi: {},
    productInfo: {},
    getMyTenant: {},
    getTenant: { params: { tenantId: has.tenantId } },
    getCsrfToken: {},
    listAudits: { query: { limit: '10' } },
    listAuditTypes: {},
    listAuditSources: {},
    getAuditSettings: {},
    getAudit: { params: { id: '00000000-0000-4000-8000-000000000000' } },
    ...userExamples(has),
    listDataSources: {
      query: { ...source, detail: 'true', includeDisabled: 'true', includeui: 'true' },
    },
    getDataSourceApiSpecs: { params: source },
    getDataSourceIcon: { params: source },
    listDataConnections: {
      query: { spaceId: has.spaceId, userId: has.userId, limit: '10', sort: '+qName', noDatafiles: 'true' },
    },
    getDataConnection: { params: connection, query: { parseConnection: 'true', extended: 'true' } },
    deleteDataConnection: { params: connection },
    getDcaasApiSpecs: { query: source },
    getDcaasDataConnection: { params: { connectionId: has.connectionId } },
    ...connectionExamples(has),
    listDataCredentials: { query: { userId: has.userId, datasourceID: 'postgres' } },
    getDataCredential: { params: credential, query: { datasourceID: 'postgres' } },
    deleteDataCredential: { params: credential },
    filterOrphanedDataCredentials: { body: { datasourceID: 'postgres', qSeparated: 1, qType: 'x' } },
    listDataCredentialUses: { params: credential, query: { limit: '10' } },
    listDataUses: { query: { limit: '10' } },
    exportDataUses: { query: { from: '2020-01-01T00:00:00Z' } },
    listDataCredentialChanges: { query: { limit: '10' } },
    getDataCredentialChange: { params: { id: '00000000-0000-4000-8000-000000000000' } },
    undoDataCredentialChange: { params: { id: '00000000-0000-4000-8000-000000000000' } },
    getSignIn: { params: { id: has.signInId } },
    chooseAccount: { params: { id: has.signInId }, body: { choice: 'cancel' } },
    renewSignIn: { params: { context: 'google' }, body: { ticket: 'mst_none' } },
    listVaultKeys: {},
    rotateVaultKey: {},
    retireVaultKey: { params: { id: '0000000000000000' } },
    revokeDataCredentials: { body: { dataSourceId: 'no-such-source' } },
    getDataCredentialRevocation: { params: { id: randomUUID() } },
    verifyUses: { body: { head: { seq: 0, hash: '' } } },
    signInCallback: {
      params: { context: 'google' },
      query: { code: 'x', state: 'y', iss: 'http://127.0.0.1:9' },
    },
    ...machineExamples(),
    ...sourceExamples(has),
    ...changeExamples(has),
    ...useExamples(has),
  };
}

/** Of a route at `/api/connectivity`: its counterpart at `/api/v1`. */
function v1RouteOf(route: Route): Route | undefined {
  const path = route.path.replace(/^\/api\/connectivity\//, '/api/v1/');
  return allRoutes.find((one) => one !== route && one.method === route.method && one.path === path);
}

/**
 * A valid request to this route, or undefined, which bad-input.test.ts reports.
 * @param has objects of the sender that the request refers to
 */
export function exampleFor(route: Route, has: Belongings): RouteExample | undefined {
  const examples = routeExamples(has);
  return examples[route.id] ?? examples[v1RouteOf(route)?.id ?? ''];
}
