import type { ErrorTable } from '../../interface/errors.js';
import { sshErrors } from '../../kit/ssh/errors.js';

/** Statuses of SFTP (draft-ietf-secsh-filexfer-02, section 7) and failures of SSH. */
export const sftpErrors: ErrorTable = {
  codeAt: ['code'],
  codes: {
    ...sshErrors,
    2: {
      kind: 'not_found',
      message: 'The file or folder does not exist.',
      remedy: 'Browse to see what exists. Names are usually case-sensitive.',
    },
    3: {
      kind: 'permission_denied',
      message: 'This user does not have permission to read the file or folder.',
      remedy: 'The user needs read permission on the file, and search permission on its folders.',
    },
    5: { kind: 'invalid_query', message: 'The server does not accept this path.' },
    6: { kind: 'unreachable', message: 'The server has lost its connection.', retryable: true },
    7: { kind: 'unreachable', message: 'The server has lost its connection.', retryable: true },
    8: { kind: 'unsupported', message: 'The server does not support this request.' },
  },
  fallback: { kind: 'protocol_error', message: 'The server could not answer the request.' },
};
