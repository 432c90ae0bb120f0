import type { ErrorTable, Meaning } from '../../interface/errors.js';

/** A failure of SSH. Its code is the only part of it that callers can learn. */
export class SshFailure extends Error {
  readonly code: SshFailureCode | `SSH_DISCONNECT_${number}`;

  constructor(code: SshFailure['code'], cause?: unknown) {
    super('The SSH connection failed.', { cause });
    this.name = 'SshFailure';
    this.code = code;
  }
}

const unavailable = 'The SSH server could not be reached, or it closed the connection.';
const refused: Meaning = {
  kind: 'auth_failed',
  message: 'The SSH server refused the user name, the password or the private key.',
  remedy: 'Check them, and that the server accepts this user and key.',
};
const broken: Meaning = {
  kind: 'protocol_error',
  message: 'The SSH server sent something that could not be interpreted.',
  remedy: 'Check that the host and port are those of an SSH server.',
};
const closed: Meaning = { kind: 'unreachable', message: unavailable, retryable: true };

const own = {
  SSH_SIGN_IN_REFUSED: refused,
  SSH_METHOD_NOT_OFFERED: {
    kind: 'auth_failed',
    message: 'The SSH server does not offer this way of signing in to this user.',
    remedy:
      'Use a private key instead of a password, or the other way round; or ask the administrator of the server.',
  },
  SSH_MORE_REQUIRED: {
    kind: 'auth_failed',
    message: 'The SSH server asks for one more step of sign-in.',
    remedy: 'Provide password and private key if it asks for both. One-time codes are not supported.',
  },
  SSH_PASSWORD_EXPIRED: {
    kind: 'auth_failed',
    message: 'The password has expired.',
    remedy: 'Change it on the server first.',
  },
  SSH_KEY_NOT_OPENED: {
    kind: 'auth_failed',
    message: 'The private key cannot be opened with the given passphrase.',
    remedy: 'Provide the key again with its passphrase.',
  },
  SSH_OLD_SIGNATURES: {
    kind: 'unsupported',
    message: 'The SSH server accepts RSA keys only with SHA-1 signatures, which are not secure.',
    remedy: 'Use an Ed25519 or ECDSA key, or update the server.',
  },
  SSH_NO_COMMON_ALGORITHM: {
    kind: 'unsupported',
    message: 'The SSH server offers no algorithm that is both supported and secure.',
    remedy: 'Update the server, or check that it has a host key of the pinned type.',
  },
  SSH_PROTOCOL: broken,
  SSH_SILENT: { kind: 'timeout', message: 'The SSH server stopped answering.', retryable: true },
  SSH_CLOSED: closed,
  SSH_NO_SFTP: {
    kind: 'unsupported',
    message: 'The SSH server offers no file transfer (SFTP) to this user.',
    remedy: 'Ask the administrator of the server.',
  },
  SSH_FORWARDING_REFUSED: {
    kind: 'permission_denied',
    message: 'The tunnel’s server does not forward connections to this host and port.',
    remedy: 'Ask its administrator to allow it (AllowTcpForwarding and PermitOpen of OpenSSH).',
  },
  SSH_FORWARDING_FAILED: {
    kind: 'unreachable',
    message: 'The tunnel’s server could not connect to the source.',
    remedy: 'Check host and port of the source as the tunnel’s server sees them.',
    retryable: true,
  },
} as const satisfies Readonly<Record<string, Meaning>>;

export type SshFailureCode = keyof typeof own;

/** Failures of SSH, for the error table of a source. Reasons of a disconnect are those of RFC 4253 section 11.1. */
export const sshErrors: Readonly<Record<string, Meaning>> = {
  ...own,
  SSH_DISCONNECT_1: {
    kind: 'permission_denied',
    message: 'The SSH server does not accept connections from here.',
  },
  SSH_DISCONNECT_2: broken,
  SSH_DISCONNECT_3: own.SSH_NO_COMMON_ALGORITHM,
  SSH_DISCONNECT_5: broken,
  SSH_DISCONNECT_7: closed,
  SSH_DISCONNECT_8: own.SSH_NO_COMMON_ALGORITHM,
  SSH_DISCONNECT_10: closed,
  SSH_DISCONNECT_12: {
    kind: 'rate_limited',
    message: 'The SSH server has too many connections.',
    retryable: true,
  },
  SSH_DISCONNECT_13: refused,
  SSH_DISCONNECT_14: refused,
  SSH_DISCONNECT_15: refused,
};

/** For work with nothing but SSH. */
export const sshTable: ErrorTable = { codeAt: ['code'], codes: sshErrors, fallback: broken };
