import type { Migration } from 'kysely';
import * as firstTables from './0001-first-tables.js';
import * as machineClients from './0002-machine-clients.js';
import * as auditAndRequests from './0003-audit-and-requests.js';
import * as connectionLists from './0004-connection-lists.js';
import * as grantState from './0005-grant-state.js';
import * as credentialChanges from './0006-credential-changes.js';
import * as revocations from './0007-revocations.js';
import * as deviceSignIn from './0009-device-sign-in.js';
import * as renewals from './0010-renewals.js';
import * as useFacts from './0011-use-facts.js';
import * as vaultKeys from './0012-vault-keys.js';
import * as renewalLeases from './0020-renewal-leases.js';
import * as signInLookups from './0022-sign-in-lookups.js';
import * as grantEnds from './0023-grant-ends.js';
import * as invitations from './0024-invitations.js';
import * as suspendedConnections from './0027-suspended-connections.js';
import * as useRecord from './0030-use-record.js';
import * as quotas from './0035-quotas.js';
import * as indexesAtScale from './0037-indexes-at-scale.js';
import * as revocationJobs from './0038-revocation-jobs.js';
import * as tallyRows from './0053-tally-rows.js';
import * as idsPerTenant from './0054-ids-per-tenant.js';
import * as setProperties from './0055-set-properties.js';
import * as lookupsOfACreate from './0060-lookups-of-a-create.js';
import * as fewerIndexes from './0061-fewer-indexes.js';

/** Forward only, in order of name. */
export const migrations: Record<string, Migration> = {
  '0001-first-tables': firstTables,
  '0002-machine-clients': machineClients,
  '0003-audit-and-requests': auditAndRequests,
  '0004-connection-lists': connectionLists,
  '0005-grant-state': grantState,
  '0006-credential-changes': credentialChanges,
  '0007-revocations': revocations,
  '0009-device-sign-in': deviceSignIn,
  '0010-renewals': renewals,
  '0011-use-facts': useFacts,
  '0012-vault-keys': vaultKeys,
  '0020-renewal-leases': renewalLeases,
  '0022-sign-in-lookups': signInLookups,
  '0023-grant-ends': grantEnds,
  '0024-invitations': invitations,
  '0027-suspended-connections': suspendedConnections,
  '0030-use-record': useRecord,
  '0035-quotas': quotas,
  '0037-indexes-at-scale': indexesAtScale,
  '0038-revocation-jobs': revocationJobs,
  '0053-tally-rows': tallyRows,
  '0054-ids-per-tenant': idsPerTenant,
  '0055-set-properties': setProperties,
  '0060-lookups-of-a-create': lookupsOfACreate,
  '0061-fewer-indexes': fewerIndexes,
};
