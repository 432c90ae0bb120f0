import type { ErrorTable, Meaning } from '../../interface/errors.js';

const closed: Meaning = {
  kind: 'unreachable',
  message: 'The server closed the connection.',
  retryable: true,
};

/** Result codes (RFC 4511 appendix A). */
export const ldapErrors: ErrorTable = {
  codes: {
    1: { kind: 'protocol_error', message: 'The server could not process the request.' },
    2: { kind: 'unsupported', message: 'The server does not support the request, for instance StartTLS.' },
    3: { kind: 'timeout', message: 'The server’s time limit ended the search.' },
    4: {
      kind: 'too_large',
      message: 'The server’s size limit ended the search: it returns no more entries to this user.',
      remedy: 'Read a smaller part of the directory, or ask its operator for a higher limit.',
    },
    8: { kind: 'auth_failed', message: 'The server demands a stronger way to sign in.' },
    10: {
      kind: 'unsupported',
      message:
        'The entry is on another server. Referrals are never followed, as they would take the password there.',
      remedy: 'Make a connection to the other server.',
    },
    11: { kind: 'too_large', message: 'The search exceeds a limit of the server.' },
    13: {
      kind: 'auth_failed',
      message: 'The server takes passwords only over TLS.',
      remedy: 'Set security to ldaps or starttls.',
    },
    32: {
      kind: 'not_found',
      message: 'The entry does not exist, or this user may not see it.',
      remedy: 'Browse to see what exists, and check the base DN.',
    },
    34: {
      kind: 'invalid_config',
      message: 'The server does not accept a distinguished name as it is written.',
    },
    48: { kind: 'auth_failed', message: 'The server does not let this user sign in with a password.' },
    49: { kind: 'auth_failed', message: 'The server rejected the user name or the password.' },
    50: { kind: 'permission_denied', message: 'This user may not read the entry.' },
    51: { kind: 'unreachable', message: 'The server is busy.', retryable: true },
    52: { kind: 'unreachable', message: 'The server is not available.', retryable: true },
    53: { kind: 'permission_denied', message: 'The server is unwilling to do this.' },
  },
  driverTexts: [
    ['Connection closed', closed],
    ['Socket ', closed],
  ],
  fallback: { kind: 'protocol_error', message: 'The exchange with the server failed.' },
};
