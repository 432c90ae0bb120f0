import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCertificateAuthority } from './certificate-authority.js';
import { findFreePort } from './free-port.js';
import { knowSecret } from './known-secrets.js';
import { guardAgainstOrphan } from './orphan-guard.js';
import { endServer, spawnServer } from './spawned-server.js';

export interface LdapLogin {
  dn: string;
  password: string;
}

/** A running OpenLDAP server; passwords are fresh at each start. */
export interface LabLdap {
  host: '127.0.0.1';
  /** Clear text, and StartTLS. */
  port: number;
  /** TLS from the first byte. */
  tlsPort: number;
  /** PEM of the authority of its certificate, which is for 127.0.0.1. */
  ca: string;
  baseDn: string;
  /** May read everything. */
  reader: LdapLogin;
  /** Gets three entries of a search, and no more. */
  limited: LdapLogin;
  /** Stops the server and removes its folder. Idempotent. */
  close(): Promise<void>;
}

const program = '/usr/sbin/slapd';
const baseDn = 'dc=example,dc=com';
const attemptsMax = 5;
const run = promisify(execFile);

const settingsOf = (folder: string, modules: string): string =>
  [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    `modulepath ${modules}`,
    'moduleload back_mdb',
    `TLSCACertificateFile ${folder}/ca.pem`,
    `TLSCertificateFile ${folder}/server.pem`,
    `TLSCertificateKeyFile ${folder}/server.key`,
    // As servers that are set up badly: a user name without a password is an anonymous user.
    'allow bind_anon_cred bind_anon_dn',
    'database mdb',
    `suffix "${baseDn}"`,
    `directory ${folder}/data`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by anonymous auth',
    `limits dn.exact="cn=limited,${baseDn}" size=3`,
    'limits users size=unlimited',
    '',
  ].join('\n');

/** Values that are not plain text are base64 after two colons (RFC 2849). */
const line = (name: string, value: string | Buffer) =>
  `${name}:: ${Buffer.from(value as string).toString('base64')}`;

const entryOf = (dn: string, attributes: readonly (readonly [string, string | Buffer])[]) =>
  [line('dn', dn), ...attributes.map(([name, value]) => line(name, value)), ''].join('\n');

/** Units: one with seven users and a referral to `elsewhere`, one with a unit of an awkward name, one with 1,203 users. */
function entriesOf(logins: readonly LdapLogin[], elsewhere: string): string {
  const unit = (name: string) =>
    entryOf(`ou=${name},${baseDn}`, [
      ['objectClass', 'organizationalUnit'],
      ['ou', name],
    ]);
  const person = (dn: string, sn: string, more: readonly (readonly [string, string | Buffer])[]) =>
    entryOf(dn, [['objectClass', 'inetOrgPerson'], ['sn', sn], ...more]);
  const names = ['Ada', "O'Neill", 'Ōsaka 大阪', 'Smith, John', 'plus+sign', 'back\\slash', 'Zoë'];
  return [
    entryOf(baseDn, [
      ['objectClass', 'domain'],
      ['dc', 'example'],
    ]),
    ...logins.map(({ dn, password }) =>
      entryOf(dn, [
        ['objectClass', 'organizationalRole'],
        ['objectClass', 'simpleSecurityObject'],
        ['userPassword', password],
      ]),
    ),
    ...['users', 'many', 'teams'].map(unit),
    entryOf(`ou=red\\, green \\+ 大阪,ou=teams,${baseDn}`, [
      ['objectClass', 'organizationalUnit'],
      ['ou', 'red, green + 大阪'],
    ]),
    person(`cn=lead,ou=red\\, green \\+ 大阪,ou=teams,${baseDn}`, 'Lead', []),
    ...names.map((name, at) =>
      person(`uid=${at + 1},ou=users,${baseDn}`, name, [
        ['cn', name],
        ...(at === 0 ? [['cn', 'Ada Lovelace'] as const] : []),
        ['jpegPhoto', Buffer.from([0xff, 0xd8, 0, at])],
        ...(at === 1 ? [['description', ' led by a space\nand two lines'] as const] : []),
      ]),
    ),
    entryOf(`uid=8,ou=users,${baseDn}`, [
      ['objectClass', 'referral'],
      ['objectClass', 'extensibleObject'],
      ['ref', `${elsewhere}/uid=8,${baseDn}`],
    ]),
    // The last have what the first 500 do not have.
    ...Array.from({ length: 1_203 }, (_, at) =>
      person(`cn=n${at},ou=many,${baseDn}`, `s${at}`, [
        ...(at === 1_201 ? [['sn', 'second'] as const] : []),
        ...(at === 1_202 ? [['mail', 'last@example.com'] as const] : []),
      ]),
    ),
  ].join('\n');
}

function startServer(folder: string, ports: { port: number; tlsPort: number }): Promise<ChildProcess> {
  const urls = `ldap://127.0.0.1:${ports.port}/ ldaps://127.0.0.1:${ports.tlsPort}/`;
  return spawnServer({
    name: 'slapd',
    // `-d` keeps it in the foreground; level 256 says when it has started.
    command: [program, '-d', '256', '-h', urls, '-f', join(folder, 'slapd.conf')],
    options: { detached: true },
    isReady: (log) => log.includes('slapd starting'),
  });
}

async function writeFolder(folder: string, logins: readonly LdapLogin[], elsewhere: string): Promise<string> {
  const authority = createCertificateAuthority();
  const { cert, key } = authority.issue(['127.0.0.1', 'localhost']);
  const at = (name: string) => join(folder, name);
  await mkdir(at('data'));
  await writeFile(at('ca.pem'), authority.ca);
  await writeFile(at('server.pem'), cert);
  await writeFile(at('server.key'), key, { mode: 0o600 });
  await writeFile(at('slapd.conf'), settingsOf(folder, '/usr/lib/ldap'), { mode: 0o600 });
  await writeFile(at('entries.ldif'), entriesOf(logins, elsewhere), { mode: 0o600 });
  await run('/usr/sbin/slapadd', ['-q', '-f', at('slapd.conf'), '-l', at('entries.ldif')]);
  return authority.ca;
}

/**
 * Starts Debian's OpenLDAP on 127.0.0.1. It ends with this process, also when that is killed, and leaves nothing behind.
 * @param options.elsewhere LDAP URL of the server to which an entry refers
 * @throws Error with the command to run when it is missing
 */
export async function startLdap({ elsewhere = 'ldap://127.0.0.1:9' } = {}): Promise<LabLdap> {
  await access(program).catch(() => {
    throw new Error("OpenLDAP's server is not installed. Run as root: apt-get install -y slapd");
  });
  const folder = await mkdtemp(join(tmpdir(), 'mooring-lab-ldap-'));
  const undo: (() => Promise<unknown> | undefined)[] = [() => rm(folder, { recursive: true, force: true })];
  const undoAll = async () => {
    while (undo.length > 0) await undo.pop()?.();
  };
  try {
    const login = (name: string): LdapLogin => ({
      dn: `cn=${name},${baseDn}`,
      password: knowSecret(`LDAP password of ${name}`, randomBytes(18).toString('base64url')),
    });
    const [reader, limited] = [login('reader'), login('limited')];
    const ca = await writeFolder(folder, [reader, limited], elsewhere);
    const ports = { port: 0, tlsPort: 0 };
    let child: ChildProcess | undefined;
    for (let attempt = 1; child === undefined; attempt += 1) {
      Object.assign(ports, { port: await findFreePort(), tlsPort: await findFreePort() });
      child = await startServer(folder, ports).catch((error: unknown) => {
        if (attempt === attemptsMax) throw error;
        return undefined;
      });
    }
    const server = child;
    const guarded = guardAgainstOrphan({ pid: server.pid ?? 0, signal: 'TERM' }, folder);
    undo.push(async () => guarded());
    undo.push(() => endServer(server, 'SIGTERM'));
    let closing: Promise<void> | undefined;
    return {
      ...{ host: '127.0.0.1', ...ports, ca, baseDn, reader, limited },
      close() {
        closing ??= undoAll();
        return closing;
      },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}
