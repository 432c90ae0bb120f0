import { setImmediate } from 'node:timers/promises';
import { startLdap } from '@mooring/lab/ldap';
import { startFakeServer } from '../../suite/fake-server.js';
import type { Connection, SourceHarness } from '../../suite/harness.js';
import { startTellingLdap } from '../../suite/telling-servers.js';

const closedPort = 9;
const names = ['Ada', "O'Neill", 'Ōsaka 大阪', 'Smith, John', 'plus+sign', 'back\\slash', 'Zoë'];

/** Takes a sign-in, and never answers a search. */
async function startSilent() {
  const waiting = new Set<unknown>();
  const { port, close } = await startFakeServer((socket) =>
    socket
      .on('data', (request) => {
        const bindDone = [0x30, 12, 2, 1, request[4] ?? 0, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0];
        if (request[5] === 0x60) socket.write(Buffer.from(bindDone));
        else waiting.add(socket);
      })
      .on('close', () => waiting.delete(socket)),
  );
  return { port, close, waiting };
}

export const harness: SourceHarness = {
  notInDemo: 'Its server is not in npm, and the demo installs nothing.',
  destinations: ({ here, there, certificate }) => ({
    definition: { host: here.host, port: here.port, security: 'ldaps', baseDn: 'dc=example,dc=com' },
    credential: { username: 'cn=reader,dc=example,dc=com', password: 'canary-matrix' },
    edits: [
      { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
      { what: 'port', meaning: 'confirm', change: { port: there.port } },
      { what: 'TLS lowered', meaning: 'confirm', change: { security: 'none' } },
      {
        what: 'CA replaced',
        meaning: 'confirm',
        change: { rootCertificates: [{ name: 'ca.pem', value: certificate }] },
      },
      { what: 'base DN and scope', meaning: 'keep', change: { baseDn: 'dc=example,dc=org', subtree: true } },
    ],
  }),
  async start() {
    const lab = await startLdap();
    const telling = await startTellingLdap();
    const silent = await startSilent();
    const { host, port, tlsPort, ca, baseDn, reader } = lab;
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: {
        ...{ host, port: tlsPort, baseDn, rootCertificates: [{ name: 'ca.pem', value: ca }] },
        ...{ username: reader.dn, password: reader.password, ...change },
      },
    });
    const clear = { security: 'none', port };
    return {
      good: [
        connection('LDAPS'),
        connection('StartTLS', { security: 'starttls', port }),
        connection('clear', clear),
      ],
      wrong: connection('wrong', { password: 'a-wrong-password-canary' }),
      unreachable: connection('unreachable', { port: closedPort }),
      refused: ({ awkward, plain }) => [
        connection('wrong', { password: awkward('wrong') }),
        connection('telling', { ...clear, port: telling.port, password: plain('told') }),
        connection('closed', { port: closedPort, password: awkward('closed') }),
      ],
      readable: { path: ['ou=users'], rows: 7 },
      slow: {
        connection: connection('silent', { ...clear, port: silent.port }),
        read: { path: ['ou=users'] },
        async isRunning() {
          // The server runs in this process.
          await setImmediate();
          return silent.waiting.size > 0;
        },
      },
      types: [
        {
          title: 'entries',
          read: { path: ['ou=users'] },
          columns: [
            ...['dn', 'objectClass', 'sn'].map((name) => ({ name, type: 'string' as const })),
            { name: 'cn', type: 'json' },
            { name: 'jpegPhoto', type: 'bytes' },
            ...['uid', 'description'].map((name) => ({ name, type: 'string' as const })),
            { name: '_more', type: 'json' },
          ],
          rows: names.map((name, at) => [
            ...[`uid=${at + 1},ou=users,${baseDn}`, 'inetOrgPerson', name],
            at === 0 ? [name, 'Ada Lovelace'] : [name],
            Buffer.from([0xff, 0xd8, 0, at]).toString('base64'),
            ...[String(at + 1), at === 1 ? ' led by a space\nand two lines' : null, null],
          ]),
        },
      ],
      async close() {
        await silent.close();
        await telling.close();
        await lab.close();
      },
    };
  },
};
