import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CertificateAuthority, createCertificateAuthority } from './certificate-authority.js';
import { findFreePort } from './free-port.js';
import { knowSecret } from './known-secrets.js';
import { findMariaDb, type MariaDbBinaries } from './mariadb/binaries.js';
import { initFile, type MariaDbLogin } from './mariadb/schema.js';
import { guardAgainstOrphan } from './orphan-guard.js';
import { findServerUser, type ServerUser } from './server-user.js';
import { endServer, spawnServer } from './spawned-server.js';

/** A running MariaDB with sample data; passwords are fresh at each start. */
export interface LabMariaDb {
  host: '127.0.0.1';
  port: number;
  database: string;
  /** PEM of the authority that signed the server's certificate (for `localhost` and 127.0.0.1). */
  ca: string;
  /** All privileges. */
  admin: MariaDbLogin;
  /** In the view `orders`, `alice` sees 5 rows and `bob` 3 others; neither may read `salaries` or `all_orders`. */
  roles: { alice: MariaDbLogin; bob: MariaDbLogin };
  /** A login that the server checks by ed25519; absent where its plug-in is not installed. */
  ed25519?: MariaDbLogin;
  /** Of the authority that the server trusts for clients. */
  issue: CertificateAuthority['issue'];
  /** Stops the server and removes its folder. Idempotent. */
  close(): Promise<void>;
}

export type { MariaDbLogin };

interface ServerInput {
  binaries: MariaDbBinaries;
  folder: string;
  user: ServerUser;
}

const run = promisify(execFile);
const attemptsMax = 5;

function freshLogin(user: string): MariaDbLogin {
  const password = knowSecret(`MariaDB password of ${user}`, randomBytes(18).toString('base64url'));
  return { user, password };
}

async function writeOwned(path: string, text: string, user: ServerUser): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (user !== null) await chown(path, user.uid, user.gid);
}

async function prepare(input: ServerInput, sql: string): Promise<CertificateAuthority> {
  const { binaries, folder, user } = input;
  if (user !== null) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  const authority = createCertificateAuthority();
  const certificate = authority.issue(['localhost', '127.0.0.1']);
  await writeOwned(join(folder, 'server.crt'), certificate.cert, user);
  await writeOwned(join(folder, 'server.key'), certificate.key, user);
  await writeOwned(join(folder, 'ca.crt'), authority.ca, user);
  await writeOwned(join(folder, 'init.sql'), sql, user);
  const args = ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--skip-test-db'];
  args.push('--auth-root-authentication-method=socket', '--skip-name-resolve');
  await run(binaries.install, args, { ...user, cwd: folder });
  return authority;
}

async function startServer({ binaries, folder, user }: ServerInput, port: number): Promise<ChildProcess> {
  const at = (name: string) => join(folder, name);
  const args = [
    '--no-defaults',
    `--datadir=${at('data')}`,
    `--socket=${at('sock')}`,
    `--pid-file=${at('pid')}`,
  ];
  args.push(`--port=${port}`, '--bind-address=127.0.0.1', `--init-file=${at('init.sql')}`);
  args.push(`--ssl-cert=${at('server.crt')}`, `--ssl-key=${at('server.key')}`, `--ssl-ca=${at('ca.crt')}`);
  args.push('--skip-name-resolve');
  args.push(
    '--character-set-server=utf8mb4',
    '--local-infile=1',
    '--skip-log-bin',
    '--default-time-zone=+00:00',
  );
  if (binaries.plugins) args.push(`--plugin-dir=${binaries.plugins}`, '--plugin-load-add=auth_ed25519');
  args.push('--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=32M', '--max-connections=200');
  const options = { ...user, cwd: folder, detached: true };
  return spawnServer({
    name: 'MariaDB',
    command: [binaries.server, ...args],
    options,
    isReady(log) {
      if (!log.includes('ready for connections')) return false;
      if (log.includes('[ERROR]')) throw new Error(`MariaDB did not start: ${log.slice(-2_000)}`);
      return true;
    },
  });
}

async function startOnPort(input: ServerInput, wanted: number) {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await findFreePort() : wanted;
    try {
      return { port, child: await startServer(input, port) };
    } catch (error) {
      if (wanted !== 0 || attempt === attemptsMax) throw error;
    }
  }
}

/**
 * Starts Debian's MariaDB on 127.0.0.1, in about two seconds; installs it when missing and run
 * by root. It ends with this process, also when that is killed.
 * @throws Error with the command to run when MariaDB is missing and we are not root.
 */
export async function startMariaDb(options: { port?: number } = {}): Promise<LabMariaDb> {
  const binaries = await findMariaDb();
  const folder = await mkdtemp(join(tmpdir(), 'mooring-lab-mariadb-'));
  const undo: (() => Promise<void> | void)[] = [() => rm(folder, { recursive: true, force: true })];
  const undoAll = async () => {
    while (undo.length > 0) await undo.pop()?.();
  };
  try {
    const input = { binaries, folder, user: await findServerUser('mysql') };
    const admin = freshLogin('lab_admin');
    const roles = { alice: freshLogin('alice'), bob: freshLogin('bob') };
    const ed25519 = binaries.plugins === undefined ? undefined : freshLogin('carol');
    const { ca, issue } = await prepare(input, initFile({ admin, roles: Object.values(roles), ed25519 }));
    const { port, child } = await startOnPort(input, options.port ?? 0);
    undo.push(guardAgainstOrphan({ pid: child.pid ?? 0, signal: 'TERM' }, folder));
    undo.push(() => endServer(child, 'SIGTERM'));
    await rm(join(folder, 'init.sql'));
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= undoAll();
      return closing;
    };
    return {
      host: '127.0.0.1',
      port,
      database: 'sales',
      ca,
      issue,
      admin,
      roles,
      ...(ed25519 ? { ed25519 } : {}),
      close,
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}
