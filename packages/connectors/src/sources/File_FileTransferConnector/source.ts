import { fileAbilities } from '../../families/files/abilities.js';
import { defineSource } from '../../interface/source.js';
import { hostKeyConflicts, hostKeyOf } from '../../kit/ssh/host-key.js';
import { logins, properties, settings } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#35516b" stroke-width="1.6">' +
  '<rect x="2.5" y="4" width="19" height="13" rx="2"/><path d="M8 21h8M12 17v4M6.5 8l3 2.5-3 2.5M11.5 13h5"/></svg>';

/** Segments of one byte and their slashes in the longest path of Linux. */
const depthMax = 2_048;

export const source = defineSource({
  specificationVersion: 2,
  id: 'File_FileTransferConnector',
  name: 'SFTP',
  category: 'file',
  stage: 'beta',
  links: [
    { title: 'OpenSSH: sftp', url: 'https://man.openbsd.org/sftp' },
    { title: 'OpenSSH: fingerprints of keys (ssh-keygen -l)', url: 'https://man.openbsd.org/ssh-keygen#l' },
  ],
  icon,
  evidence: {
    verifiedAgainst: [
      'OpenSSH 9.2 from Debian: password, Ed25519, ECDSA and RSA keys with and without passphrase, host keys of each type',
    ],
    notVerified: [
      'Other servers (ProFTPD, Bitvise, SFTP of Azure and AWS)',
      'Certificates of OpenSSH, one-time codes, Kerberos',
    ],
    limits: [
      'The server is recognized by its host key: publicKey or publicKeyFingerprint must be set. Without them, the test of the connection shows the fingerprint that it found.',
      'Formats and their limits are those of the other sources of files.',
      'Each page of a folder reads the whole folder, at most a million entries. Links count as what they lead to; those that lead nowhere, devices and pipes are not listed.',
      'Names that are not UTF-8 are listed with replacement characters and cannot be read.',
      'A file is read up to the size that it has at the start.',
      'A private key with a passphrase has at most 32 rounds of key derivation (ssh-keygen’s default is 16 or 24).',
      'Mooring never writes, but the user may be allowed to: provide a user with read permission only.',
    ],
  },
  properties,
  logins,
  settings,
  target: ['host', 'sftpPort', 'folder'],
  conflicts: hostKeyConflicts,
  endpoints: ({ host, sftpPort: port, ...pin }) => {
    const hostKey = hostKeyOf(pin);
    return [{ role: 'data', host, port, security: 'ssh', trust: hostKey ? { hostKey } : {} }];
  },
  abilities: fileAbilities({
    browse: { levels: ['folder', 'file'], depth: depthMax, search: false },
  }),
  load: () => import('./connector.js'),
});
