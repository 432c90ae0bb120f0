import {
  createOAuthClient,
  createOAuthClientSecret,
  deleteOAuthClient,
  deleteOAuthClientSecret,
  getOAuthClient,
  listOAuthClients,
  patchOAuthClient,
} from '@mooring/contract/routes/oauth-clients';
import { type BoundRoute, bind } from '../../http/handler.js';
import { changeClient } from './change-client.js';
import type { OAuthClientsDependencies } from './client-access.js';
import { listClients, removeClient, showClient } from './client-operations.js';
import { isSecretStillThere, makeSecret, removeSecret } from './client-secrets.js';
import { makeClient } from './make-client.js';

/** OAuth clients and their secrets. */
export function createOAuthClientsFeature(deps: OAuthClientsDependencies): BoundRoute[] {
  const isStillThere = isSecretStillThere(deps);
  return [
    bind(listOAuthClients, listClients(deps)),
    bind(createOAuthClient, makeClient(deps), isStillThere),
    bind(getOAuthClient, showClient(deps)),
    bind(patchOAuthClient, changeClient(deps)),
    bind(deleteOAuthClient, removeClient(deps)),
    bind(createOAuthClientSecret, makeSecret(deps), isStillThere),
    bind(deleteOAuthClientSecret, removeSecret(deps)),
  ];
}
