import { connectivityRouteOf } from './connectivity-routes.js';
import type { Route } from './route.js';
import * as apiKeys from './routes/api-keys.js';
import * as assignments from './routes/assignments.js';
import * as audits from './routes/audits.js';
import * as connectionCredential from './routes/connection-credential.js';
import * as credentialChanges from './routes/credential-changes.js';
import * as dataConnectionChanges from './routes/data-connection-changes.js';
import * as dataConnections from './routes/data-connections.js';
import * as dataCredentials from './routes/data-credentials.js';
import * as dataSourceEndpoints from './routes/data-source-endpoints.js';
import * as dataSources from './routes/data-sources.js';
import * as dcaas from './routes/dcaas.js';
import * as invitations from './routes/invitations.js';
import * as leaveUser from './routes/leave-user.js';
import * as listDataConnections from './routes/list-data-connections.js';
import * as oauthClients from './routes/oauth-clients.js';
import * as oauthTokens from './routes/oauth-tokens.js';
import * as platform from './routes/platform.js';
import * as revocations from './routes/revocations.js';
import * as selfCheck from './routes/self-check.js';
import * as signIns from './routes/sign-ins.js';
import * as spaces from './routes/spaces.js';
import * as use from './routes/use.js';
import * as users from './routes/users.js';
import * as uses from './routes/uses.js';
import * as vaultKeys from './routes/vault-keys.js';

const isRoute = (value: unknown): value is Route =>
  typeof value === 'object' && value !== null && 'method' in value && 'responses' in value;

const modules = [
  platform,
  users,
  leaveUser,
  apiKeys,
  invitations,
  oauthClients,
  oauthTokens,
  spaces,
  assignments,
  audits,
  dataSources,
  dataSourceEndpoints,
  dataConnections,
  listDataConnections,
  dataConnectionChanges,
  connectionCredential,
  dataCredentials,
  credentialChanges,
  dcaas,
  revocations,
  selfCheck,
  signIns,
  use,
  uses,
  vaultKeys,
];

const routes: readonly Route[] = modules.flatMap((module) => Object.values(module).filter(isRoute));

/** Every route of the contract, including those under `/api/connectivity`. */
export const allRoutes: readonly Route[] = [
  ...routes,
  ...routes.flatMap((route) => connectivityRouteOf(route) ?? []),
];
