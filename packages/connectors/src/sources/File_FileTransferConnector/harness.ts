import { type LabSsh, startSsh } from '@mooring/lab/ssh';
import type { Connection, Destinations, Places, SourceHarness, StartedSource } from '../../suite/harness.js';
import { serverOf } from '../../suite/shared-servers.js';
import { definitionFor, fieldsOf, fill } from './__fixtures__/files.js';

/** Nothing listens there. */
const closedPort = 9;
const fingerprint = (letter: string) => `SHA256:${letter.repeat(43)}`;

const destinations = ({ here, there }: Places): Destinations => ({
  definition: { host: here.host, sftpPort: here.port, publicKeyFingerprint: fingerprint('A') },
  credential: { username: 'somebody', password: 'canary-matrix' },
  edits: [
    { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
    { what: 'port', meaning: 'confirm', change: { sftpPort: there.port } },
    { what: 'host key', meaning: 'confirm', change: { publicKeyFingerprint: fingerprint('B') } },
    {
      what: 'host key in full',
      meaning: 'refuse',
      // Not the key of the fingerprint.
      change: {
        publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJMGI3bqICbzAqsjJMGI3bqICbzAqsjJMGI3bqICbzAq',
      },
    },
    {
      what: 'folder, files and type of host key',
      meaning: 'keep',
      change: { folder: '/srv', file: { delimiter: ';' }, publicKeyAlgorithm: 'ED25519' },
    },
  ],
  logins: {
    key: {
      username: 'somebody',
      privateKey: [{ name: 'id', value: 'canary-matrix' }],
      privateKeyPassphrase: 'canary-matrix',
    },
  },
});

/** The same on a server that is running already and has the files. */
async function on(lab: LabSsh): Promise<StartedSource> {
  const definition = definitionFor(lab);
  const { user: username, password, key } = lab.alice;
  const sealed = await lab.addKey('ecdsa', {
    passphrase: `passphrase ${Math.random().toString(36).slice(2)}`,
  });
  const connection = (name: string, change: object): Connection => ({
    name,
    properties: { ...definition, username, ...change },
  });
  return {
    good: [
      connection('password', { password }),
      connection('key', fieldsOf(key)),
      connection('key with a passphrase', fieldsOf(sealed)),
    ],
    wrong: connection('wrong', { password: 'a-wrong-password-canary' }),
    unreachable: connection('unreachable', { password, sftpPort: closedPort }),
    refused: ({ awkward }) => [
      connection('wrong', { password: awkward('wrong') }),
      connection('closed', { password: awkward('closed'), sftpPort: closedPort }),
      connection('wrong passphrase', { ...fieldsOf(sealed), privateKeyPassphrase: awkward('passphrase') }),
    ],
    readable: { path: ['data', 'orders.csv'], rows: 9 },
    file: { header: false },
    types: [
      {
        title: 'CSV',
        read: { path: ['data', 'orders.csv'] },
        columns: [
          { name: 'id', type: 'string' },
          { name: 'name', type: 'string' },
        ],
        rows: Array.from({ length: 9 }, (_, index) => [`${index}`, `n${index}`]),
      },
    ],
    slow: {
      read: { path: ['data', 'slow.csv'] },
      isRunning: () => lab.hasOpen('data/slow.csv'),
    },
    close: async () => {},
  };
}

export const harness: SourceHarness & { on(lab: LabSsh): Promise<StartedSource> } = {
  notInDemo: 'Its server is not in npm, and the demo installs nothing.',
  destinations,
  on,
  async start({ servers } = {}) {
    const { server: lab, release } = await serverOf(startSsh, servers);
    await fill(lab);
    return { ...(await on(lab)), close: release };
  },
};
