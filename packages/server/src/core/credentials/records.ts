// Door of the room. Credentials as they are kept: stored, linked, changed, suspended, ended, and the secrets of connections.

export {
  type Bringing,
  type BringRequest,
  type BroughtCredential,
  createBringing,
  storeBrought,
} from './records/bring.js';
export {
  insertConnectionSecrets,
  openConnectionSecrets,
  openConnectionSecretsOrNone,
  openConnectionSecretsOrRefuse,
  ownerOfConnectionSecrets,
  shredConnectionSecrets,
} from './records/connection-secrets.js';
export { allowDestination, confirmedDestinations, nameKey } from './records/credential-records.js';
export { countCredentialsIn, openSignInsIn } from './records/end-scope.js';
export { assertKeptParts, filledUp } from './records/kept-parts.js';
export { createLeaving, type Leaving } from './records/leaving.js';
export { linkCredential, unlinkCredentials } from './records/links.js';
export {
  createLoginChanges,
  type LoginChanges,
  type PreparedLogin,
  purgeUndoCopies,
} from './records/login-changes.js';
export { type LoginPair, loginPair, loginProperties } from './records/login-pair.js';
export { assertName, assertNameFree, numbered, selectedCredential } from './records/own-credentials.js';
export { assertReaches, assertReachesKept, secretsEnteredBy } from './records/reach.js';
export { recomputeDestinations } from './records/recompute-destinations.js';
export { createOrphanSweep } from './records/sealed-orphans.js';
export { separateCredential } from './records/separate-credential.js';
export { giversOf, type KeptLogin, keptLogin, resumeLogin, suspensionAfter } from './records/suspension.js';
