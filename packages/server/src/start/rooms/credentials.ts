import { createGrants, createKeepAlive, createRevoker } from '../../core/credentials/grants.js';
import {
  createCredentialEntry,
  createLoginUpdates,
  createOrphanSweep,
} from '../../core/credentials/records.js';
import { configurationOfCredential, createCredentialResolver } from '../../core/credentials/resolve.js';
import {
  createArrivals,
  createParkedGrants,
  createRenewals,
  createSignIns,
} from '../../core/credentials/sign-ins.js';
import type { ConnectionTable, CredentialTable } from '../../core/store/tables.js';
import type { AccessRooms } from './access.js';
import type { Given } from './given.js';
import type { SourceRooms } from './sources.js';

export type CredentialRooms = ReturnType<typeof credentialRooms>;

type Needed = Given & Pick<SourceRooms, 'gate' | 'catalogue'> & Pick<AccessRooms, 'quotas'>;

/** Credentials: how they come in, are opened, refreshed and ended. */
export function credentialRooms(needed: Needed) {
  const { config, log, store, vault, keyring, publicUrl, catalogue, quotas, gate: network } = needed;
  const { clients } = config.oauth;
  const { signInMinutes, testSeconds: coarseSeconds } = config.limits;
  const revoker = createRevoker({ store, vault, network, catalogue, clients, log });
  const grants = createGrants({
    ...{ store, vault, network, revokeTokens: revoker.revokeTokens, log, clock: store.clock },
    ...{ ownVault: keyring.ownVault, dataFolder: config.dataFolder },
  });
  const configurationOf = (credential: CredentialTable, connection?: ConnectionTable) =>
    configurationOfCredential(store.db, { vault, catalogue, clients }, credential, connection);
  const parked = createParkedGrants({ store, vault, revoker, signInMinutes });
  const signIns = createSignIns({
    ...{ parked, revoker, store, vault, network, log, publicUrl, signInMinutes, coarseSeconds },
  });
  return {
    revoker,
    grants,
    parked,
    signIns,
    keepAlive: createKeepAlive({ store, grants, configurationOf, log }),
    resolver: createCredentialResolver({ store, vault, grants, clients }),
    renewals: createRenewals({ store, vault, network, log, parked, revoker, coarseSeconds, configurationOf }),
    credentialEntry: createCredentialEntry({ store, vault, signIns, revoker, network, clients, quotas }),
    logins: createLoginUpdates({ store, vault }),
    arrivals: createArrivals({ store, vault }),
    /** One round of looking for what is sealed without its record. */
    sweepOrphans: createOrphanSweep({ store, vault, revoker, log }),
  };
}
