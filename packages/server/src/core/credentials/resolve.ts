// Door of the room. Which credential a use gets, and its login opened.

export { createBroker, type Broker } from './resolve/broker.js';
export { credentialShownTo, credentialsShownTo, type CallersCredential } from './resolve/callers-credentials.js';
export { chooseCredential } from './resolve/chosen-credential.js';
export { setupToRenew } from './resolve/credential-setup.js';
export { resolveCredential, resolveForUse, type Resolution } from './resolve/resolve.js';
