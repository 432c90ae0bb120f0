import type { Resolution } from '../../../core/credentials/resolve.js';

// Details of CREDENTIALS-REQUIRED: why the connection cannot be used, and what to do.

const separated: Record<Resolution['state'], string> = {
  ready: 'A credential is ready.',
  missing: 'You have no credential on this connection. Add one, or choose one of yours.',
  needs_confirmation:
    'The connection points to a destination you have not allowed for your credential. Confirm it, or add a credential.',
  needs_sign_in: 'The sign-in behind your credential has ended. Sign in again.',
  unreadable: 'The stored credential cannot be decrypted. Enter it again.',
  needs_approval:
    'Your API key came from an invitation and does not reach this older credential. Approve the key with an earlier one, or enter the credential again.',
};

const embedded: Record<Resolution['state'], string> = {
  ...separated,
  missing: "The connection's own credential is missing. Ask its owner to enter it.",
  needs_sign_in:
    "The sign-in behind the connection's own credential has ended. Ask its owner to sign in again.",
  unreadable: "The connection's own credential cannot be decrypted. Ask its owner to enter it again.",
  needs_approval:
    "Your API key came from an invitation and does not reach the connection's own credential, which is older. Approve the key with an earlier one of yours.",
};

const suspended =
  'Another user moved this connection, so its login is suspended. The user who entered the login must confirm it, or a user who may edit the connection must enter it again.';

export const ownerLeft =
  'The owner of this connection has left, and its login was deleted. Take the connection over: PATCH /user to yourself together with the whole login.';

export const explain = (resolution: Resolution): string =>
  resolution.isSuspended ? suspended : (resolution.isEmbedded ? embedded : separated)[resolution.state];
