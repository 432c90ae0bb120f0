// What harnesses of SQL servers share.

import { createPrivateKey } from 'node:crypto';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { type LabSsh, startSsh } from '@mooring/lab/ssh';
import type { Values } from '../../interface/login.js';
import type {
  Connection,
  Destinations,
  Edit,
  Fresh,
  Places,
  SourceHarness,
  StartedSource,
} from '../../suite/harness.js';
import { serverOf } from '../../suite/shared-servers.js';
import type { TellingServer } from '../../suite/telling-servers.js';

interface SqlLab {
  host: string;
  port: number;
  database: string;
  /** PEM. */
  ca: string;
  close(): Promise<void>;
}

interface SqlLogin {
  user: string;
  password: string;
}

export interface SqlHarnessParts<Lab extends SqlLab> {
  /** Name of the property with the database. */
  database: string;
  /** Changes of its other properties, none of which decides a destination. */
  harmless?: Values;
  /** The same function for sources that may share a server. */
  startLab: () => Promise<Lab>;
  /** It signs in by client certificate, too. */
  hasCertificates?: boolean;
  /** It can be reached through an SSH tunnel. */
  hasTunnel?: boolean;
  notInDemo?: string;
  /** The login that may do what `proofs` does. */
  login(lab: Lab): SqlLogin;
  /** A server of this protocol that repeats the password. */
  startTelling(password: string): Promise<TellingServer>;
  proofs(lab: Lab): Omit<StartedSource, 'good' | 'wrong' | 'unreachable' | 'refused' | 'close'>;
}

/** A harness, and the same on a server that is running already. */
export interface SqlHarness<Lab> extends SourceHarness {
  on(lab: Lab): Promise<StartedSource>;
}

const fingerprint = (letter: string) => `SHA256:${letter.repeat(43)}`;

/** The same destination behind a tunnel. */
function throughTunnel(
  { here, there }: Places,
  { definition, credential, edits, logins }: Destinations,
): Destinations {
  const hostKey = { tunnelPublicKeyFingerprint: fingerprint('A') };
  const tunnel = { tunnelHost: here.host, tunnelPort: here.port, ...hostKey };
  const login = { tunnelUsername: 'somebody', tunnelPassword: 'canary-tunnel' };
  const key = {
    tunnelPrivateKey: [{ name: 'id', value: 'a key' }],
    tunnelPrivateKeyPassphrase: 'canary-key',
  };
  return {
    definition: { ...definition, ...tunnel },
    credential: { ...credential, ...login },
    edits: [
      ...edits.map((edit) =>
        typeof edit.again === 'object' ? { ...edit, again: { ...edit.again, ...login } } : edit,
      ),
      { what: 'host of the tunnel', meaning: 'confirm', change: { tunnelHost: 'localhost' } },
      { what: 'port of the tunnel', meaning: 'confirm', change: { tunnelPort: there.port } },
      {
        what: 'host key of the tunnel',
        meaning: 'confirm',
        change: { tunnelPublicKeyFingerprint: fingerprint('B') },
      },
      { what: 'key of the tunnel is not one', meaning: 'refuse', change: { tunnelPublicKey: 'no key' } },
      {
        what: 'type of host key of the tunnel',
        meaning: 'keep',
        change: { tunnelPublicKeyAlgorithm: 'ED25519' },
      },
    ],
    logins: { ...logins, 'key of the tunnel': key },
  };
}

const { cert, key } = createCertificateAuthority().issue(['somebody']);

const certificateLogin = {
  username: 'somebody',
  mutualPfxCertificateFiles: [
    { name: 'own.crt', value: cert },
    { name: 'own.key', value: key },
  ],
};

/** The other way of signing in. */
export const certificateEdit: Edit = {
  what: 'auth type',
  meaning: 'confirm',
  change: { enableMutualSSL: true },
  again: certificateLogin,
};

/** Not only what is needed: the password of a sealed key, too. */
export const certificateLogins = {
  'client certificate': {
    enableMutualSSL: true,
    ...certificateLogin,
    mutualPfxCertificateKey: 'canary-certificate',
  },
};

/** A certificate whose sealed key opens, and a password that the server refuses. */
export function refusedWithCertificate({ awkward }: Fresh): Values {
  const passphrase = awkward('key');
  const sealed = createPrivateKey(key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase,
  });
  return {
    enableMutualSSL: true,
    password: awkward('with a certificate'),
    mutualPfxCertificateFiles: [
      { name: 'own.crt', value: cert },
      { name: 'own.key', value: sealed },
    ],
    mutualPfxCertificateKey: passphrase,
  };
}

const destinationsOf = (
  {
    database,
    harmless = {},
    hasCertificates = false,
  }: Pick<SqlHarnessParts<SqlLab>, 'database' | 'harmless' | 'hasCertificates'>,
  { here, there, certificate }: Places,
): Destinations => ({
  definition: { host: here.host, port: here.port, sslmode: 'verify-ca', [database]: 'one' },
  credential: { username: 'somebody', password: 'canary-matrix' },
  edits: [
    { what: 'host', meaning: 'confirm', change: { host: 'localhost' } },
    { what: 'port', meaning: 'confirm', change: { port: there.port } },
    { what: 'TLS lowered', meaning: 'confirm', change: { sslmode: 'disable' } },
    {
      what: 'CA replaced',
      meaning: 'confirm',
      change: { rootCertificates: [{ name: 'ca.pem', value: certificate }] },
    },
    ...(hasCertificates ? [certificateEdit] : []),
    { what: 'database', meaning: 'keep', change: { [database]: 'two' } },
    ...Object.entries(harmless).map(
      ([name, value]): Edit => ({ what: name, meaning: 'keep', change: { [name]: value } }),
    ),
  ],
  ...(hasCertificates ? { logins: certificateLogins } : {}),
});

/** Nothing listens there. */
const closedPort = 9;
/** What the telling server repeats: known before it starts, and different in every encoding. */
const repeated = () => `repeated ~"<&+/\\ é ${Math.random().toString(36).slice(2)}`;

/** The same connections through a tunnel, and one whose tunnel refuses the user. */
async function withTunnels(
  { good, refused, ...started }: StartedSource,
  ssh: LabSsh,
): Promise<StartedSource> {
  const [direct] = good;
  const { host: tunnelHost, port: tunnelPort, hostKeys, alice } = ssh;
  const key = await ssh.addKey('ecdsa', {
    passphrase: `passphrase ~"<&+/\\ é ${Math.random().toString(36).slice(2)}`,
  });
  const through = (name: string, login: object): Connection => ({
    name,
    properties: {
      ...direct.properties,
      ...{ tunnelHost, tunnelPort, tunnelPublicKeyFingerprint: hostKeys.ed25519.sha256 },
      ...{ tunnelUsername: alice.user, ...login },
    },
  });
  return {
    ...started,
    good: [
      ...good,
      through('tunnel', { tunnelPassword: alice.password }),
      through('tunnel by a key', {
        tunnelPrivateKey: [{ name: 'id', value: key.privateKey }],
        tunnelPrivateKeyPassphrase: key.passphrase,
      }),
    ],
    refused: (fresh) => [
      ...refused(fresh),
      through('wrong at the tunnel', { tunnelPassword: fresh.awkward('wrong') }),
    ],
  };
}

export function sqlHarness<Lab extends SqlLab>(parts: SqlHarnessParts<Lab>): SqlHarness<Lab> {
  const { database, startLab, login, startTelling, proofs } = parts;
  async function on(lab: Lab): Promise<StartedSource> {
    const password = repeated();
    const telling = await startTelling(password);
    const { user, password: right } = login(lab);
    const connection = (name: string, change: object = {}): Connection => ({
      name,
      properties: {
        ...{ host: lab.host, port: lab.port, [database]: lab.database, sslmode: 'verify-full' },
        rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
        ...{ username: user, password: right, ...change },
      },
    });
    const plain = { sslmode: 'disable' };
    return {
      ...proofs(lab),
      good: [connection('right'), connection('without TLS', plain)],
      wrong: connection('wrong', { password: 'a-wrong-password-canary' }),
      unreachable: connection('unreachable', { port: closedPort }),
      refused: (fresh) => [
        connection('wrong', { password: fresh.awkward('wrong') }),
        ...(parts.hasCertificates
          ? [connection('wrong with a certificate', refusedWithCertificate(fresh))]
          : []),
        connection('telling', { ...plain, port: telling.port, password }),
        connection('closed', { port: closedPort, password: fresh.awkward('closed') }),
      ],
      close: () => telling.close(),
    };
  }
  return {
    ...(parts.notInDemo === undefined ? {} : { notInDemo: parts.notInDemo }),
    destinations: (places) => {
      const direct = destinationsOf(parts, places);
      return parts.hasTunnel ? throughTunnel(places, direct) : direct;
    },
    on,
    async start({ servers } = {}) {
      const { server, release } = await serverOf(startLab, servers);
      const started = await on(server);
      // By itself a source is tested with its tunnel in a file of its own.
      const whole =
        parts.hasTunnel && servers ? await withTunnels(started, await servers.of(startSsh)) : started;
      return {
        ...whole,
        async close() {
          await started.close();
          await release();
        },
      };
    },
  };
}
