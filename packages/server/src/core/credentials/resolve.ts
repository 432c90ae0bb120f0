// Door of the room. Which credential a use gets, and its login opened.

export { configurationOfCredential } from './resolve/credential-configuration.js';
export { type CredentialResolver, createCredentialResolver } from './resolve/credential-resolver.js';
export { linkAndConfirm } from './resolve/link-and-confirm.js';
export { type Resolution, resolveCredential, resolveForUse } from './resolve/resolve.js';
export {
  credentialShownTo,
  credentialsShownTo,
  type ShownCredential,
} from './resolve/shown-credentials.js';
