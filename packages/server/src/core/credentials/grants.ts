// Door of the room. The life of an OAuth grant: refreshed, kept alive, ended, revoked.

export { type ClientConfiguration, clientConfiguration } from './grants/client-configuration.js';
export { endOfGrant, maskedAccount, rememberedAccount } from './grants/grant-account.js';
export { createGrants } from './grants/grants.js';
export { createKeepAlive } from './grants/keep-alive.js';
export { createRevocationJobs, type RevocationJobs, type RevocationScope } from './grants/revocation-jobs.js';
export { endIn, purgeRevocations } from './grants/revocation-queue.js';
export { createRevoker, type Revoker } from './grants/revoker.js';
