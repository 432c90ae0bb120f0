import type { Resolution } from '../../../core/credentials/resolve.js';

// Why a use cannot be, and what to do, in the words of an answer.

const separated: Record<Resolution['state'], string> = {
  ready: 'A credential is ready.',
  missing: 'You have no credential on this connection. Bring one, or choose one of yours.',
  needs_confirmation:
    'The connection points to a destination you have not allowed for your credential. Confirm it, or bring a credential.',
  needs_sign_in: 'The sign-in behind your credential has ended. Sign in again.',
  unreadable: 'The stored credential cannot be opened. Bring it again.',
  needs_approval:
    'Your API key came from an invitation and does not reach this credential, which is older. Approve the key with an earlier one, or bring the credential again.',
};

const embedded: Record<Resolution['state'], string> = {
  ...separated,
  missing: "The connection's own credential is missing. Its owner must bring it.",
  needs_sign_in:
    "The sign-in behind the connection's own credential has ended. Its owner must sign in again.",
  unreadable: "The connection's own credential cannot be opened. Its owner must bring it again.",
  needs_approval:
    "Your API key came from an invitation and does not reach the connection's own credential, which is older. Approve the key with an earlier one of yours.",
};

const suspended =
  'Somebody else moved this connection, so the login that it keeps waits: who gave it must confirm, or who may edit the connection enters it again.';

export const ownerLeft =
  'The owner of this connection has left, and its login with them. Take the connection over: PATCH /user to yourself together with the whole login.';

export const explain = (resolution: Resolution): string =>
  resolution.isSuspended ? suspended : (resolution.isEmbedded ? embedded : separated)[resolution.state];
