// Door of the room. Credentials as they are kept: stored, linked, changed, suspended, ended, and the secrets of connections.

export {
  insertConnectionSecrets,
  openConnectionSecrets,
  openConnectionSecretsOrNone,
  openConnectionSecretsOrRefuse,
  ownerOfConnectionSecrets,
  shredConnectionSecrets,
} from './records/connection-secrets.js';
export { type CredentialEntry, createCredentialEntry } from './records/credential-entry.js';
export { allowDestination, confirmedDestinations, nameKey } from './records/credential-records.js';
export { countCredentialsIn, openSignInsIn } from './records/end-scope.js';
export type { EnteredCredential, EntryRequest } from './records/entry-request.js';
export { assertKeptParts, filledUp } from './records/kept-parts.js';
export { linkCredential, unlinkCredentials } from './records/links.js';
export {
  createLoginUpdates,
  type LoginPair,
  type LoginUpdates,
  loginPair,
  loginProperties,
  type PreparedLogin,
  purgeUndoCopies,
} from './records/login-updates.js';
export { createOffboarding, type Offboarding } from './records/offboarding.js';
export { assertReaches, assertReachesKept, secretsEnteredBy } from './records/reach.js';
export { recomputeDestinations } from './records/recompute-destinations.js';
export { createOrphanSweep } from './records/sealed-orphans.js';
export {
  assertName,
  assertNameFree,
  numbered,
  ownSeparatedCredential,
  separateCredential,
} from './records/separated-credentials.js';
export { storeEntered } from './records/store-entered.js';
export { giversOf, type KeptLogin, keptLogin, resumeLogin, suspensionAfter } from './records/suspension.js';
