const shares = 'Shares are for apps and charts, which Mooring does not have.';
const tenancy = "Tenants are managed by Qlik's own registration and subscription.";
const consent = 'Published and native clients are for Qlik embedded; a Mooring client belongs to its tenant.';

/** Functions of the client that have no counterpart here, each with its reason. */
export const notOffered: Readonly<Record<string, string>> = {
  'spaces.getSpaceShares': shares,
  'spaces.createSpaceShare': shares,
  'spaces.getSpaceShare': shares,
  'spaces.patchShare': shares,
  'spaces.deleteSpaceShare': shares,
  'tenants.createTenant': tenancy,
  'tenants.patchTenant': tenancy,
  'tenants.deactivateTenant': tenancy,
  'tenants.reactivateTenant': tenancy,
  'oauth-clients.publishOAuthClient': consent,
  'oauth-clients.getOAuthClientConnectionConfig': consent,
  'oauth-clients.patchOAuthClientConnectionConfig': consent,
  'oauth-clients.deleteOAuthClientConnectionConfig': consent,
  'audits.getArchivedAudits': "The archive is Qlik's own storage; in Mooring every event stays in the list.",
  'audits.fetchConsumptionAppAudits': 'Returns an app about the consumption of a Qlik subscription.',
};
