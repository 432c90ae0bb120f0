import type { BoundRoute } from '../../http/handler.js';
import { changeClient, listClients, makeClient, removeClient, showClient } from './client-operations.js';
import { makeSecret, removeSecret } from './client-secrets.js';
import type { OAuthClientsDependencies } from './client-store.js';

/** OAuth clients and their secrets. */
export const createOAuthClientsFeature = (deps: OAuthClientsDependencies): BoundRoute[] =>
  [listClients, makeClient, showClient, changeClient, removeClient, makeSecret, removeSecret].map(
    (operation) => operation(deps),
  );
