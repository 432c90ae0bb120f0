// Door of the room. Which credential a use gets, and its login opened.

export { configurationOfCredential } from './resolve/credential-configuration.js';
export { linkAndConfirm } from './resolve/link-and-confirm.js';
export { loadCredential, loadUse } from './resolve/load-use.js';
export { createOpenForUse, type OpenForUse } from './resolve/open-login.js';
export {
  type Resolution,
  resolutionForUse,
  resolutionOf,
  resolveCredential,
  resolveForUse,
} from './resolve/resolve.js';
export {
  credentialShownTo,
  credentialsShownTo,
  type ShownCredential,
} from './resolve/shown-credentials.js';
