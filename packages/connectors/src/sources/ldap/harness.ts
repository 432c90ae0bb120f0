import { startLdap } from '@mooring/lab/ldap';
import type { Connection, SourceHarness } from '../../suite/harness.js';
import { startTellingLdap } from '../../suite/telling-servers.js';

const closedPort = 9;

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
      async close() {
        await telling.close();
        await lab.close();
      },
    };
  },
};
