// Door of the room. Which credential a use gets, and its login opened.

export { type Broker, createBroker } from './resolve/broker.js';
export {
  type CallersCredential,
  credentialShownTo,
  credentialsShownTo,
} from './resolve/callers-credentials.js';
export { chooseCredential } from './resolve/chosen-credential.js';
export { setupToRenew } from './resolve/credential-setup.js';
export { type Resolution, resolveCredential, resolveForUse } from './resolve/resolve.js';
