// Door of the room. Credentials as they are kept: stored, linked, changed, suspended, ended, and the secrets of connections.

export { createBringing, storeBrought, type BringRequest, type Bringing, type BroughtCredential } from './records/bring.js';
export { insertConnectionSecrets, openConnectionSecrets, openConnectionSecretsOrNone, openConnectionSecretsOrRefuse, ownerOfConnectionSecrets, shredConnectionSecrets } from './records/connection-secrets.js';
export { allowDestination, confirmedDestinations, nameKey } from './records/credential-records.js';
export { countCredentialsIn, openSignInsIn } from './records/end-scope.js';
export { assertKeptParts, filledUp } from './records/kept-parts.js';
export { createLeaving, type Leaving } from './records/leaving.js';
export { linkCredential, unlinkCredentials } from './records/links.js';
export { createLoginChanges, purgeUndoCopies, type LoginChanges, type PreparedLogin } from './records/login-changes.js';
export { loginPair, loginProperties, type LoginPair } from './records/login-pair.js';
export { assertName, assertNameFree, numbered, selectedCredential } from './records/own-credentials.js';
export { assertReaches, assertReachesKept, secretsEnteredBy } from './records/reach.js';
export { recomputeDestinations } from './records/recompute-destinations.js';
export { createOrphanSweep } from './records/sealed-orphans.js';
export { separateCredential } from './records/separate-credential.js';
export { giversOf, keptLogin, resumeLogin, suspensionAfter, type KeptLogin } from './records/suspension.js';
