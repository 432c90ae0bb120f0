import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type CertificateAuthority, createCertificateAuthority } from './certificate-authority.js';
import { findFreePort } from './free-port.js';
import { knowSecret } from './known-secrets.js';
import { guardAgainstOrphan } from './orphan-guard.js';
import { findPostgresBinaries } from './postgres/binaries.js';
import {
  adminName,
  bothName,
  type ClusterOptions,
  certifiedName,
  initialiseCluster,
  smallDiskOf,
  startServer,
  stopServer,
} from './postgres/process.js';
import { grantsSql, ordersSql, personNames, schemaSql } from './postgres/schema.js';
import { findServerUser } from './server-user.js';
import { fillDisk } from './small-disk.js';

/** A login that the server checks with SCRAM-SHA-256. */
export interface PostgresLogin {
  user: string;
  password: string;
}

export interface PostgresOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** An empty or missing folder to use instead of a temporary one; it is kept after `close`. */
  dataDir?: string;
  /** Rows of `sales.big`; 1,000,000 by default. They are generated, not stored. */
  rowsInBig?: number;
  /** The server gets a tablespace `small` on a disk of so many bytes. */
  smallDiskBytes?: number;
}

/** A running PostgreSQL 18 with sample data; passwords are fresh at each start. */
export interface LabPostgres {
  host: '127.0.0.1';
  /** The same server under an address that its certificate does not name (Linux only). */
  hostOutsideCertificate: '127.0.0.2';
  port: number;
  database: string;
  /** PEM of the authority that signed the server's certificate (for `localhost` and 127.0.0.1). */
  ca: string;
  /** Superuser. */
  admin: PostgresLogin;
  /**
   * `alice` sees 5 rows of `sales.orders`, `bob` 3 others, `reader` all. None may read `sales.salaries`; all may
   * write `sales.scratch`.
   */
  roles: { alice: PostgresLogin; bob: PostgresLogin; reader: PostgresLogin };
  /** `person01` to `person20`: four rows of `sales.orders` each, whose `owner` and `note` name them. */
  persons: readonly PostgresLogin[];
  /** Sees what `reader` sees. Must show a certificate of the authority that names it; `both` a password, too. */
  certified: { user: string; both: PostgresLogin };
  /** Of the authority that the server trusts. */
  issue: CertificateAuthority['issue'];
  /** Takes all the room of the tablespace `small`. @returns what gives it back */
  fillSmallDisk(): () => void;
  /** Stops the server and removes its temporary folder. Idempotent. */
  close(): Promise<void>;
}

const database = 'lab';
const attemptsMax = 5;

function freshLogin(user: string): PostgresLogin {
  const password = knowSecret(`PostgreSQL password of ${user}`, randomBytes(18).toString('base64url'));
  return { user, password };
}

async function makeFolder(dataDir: string | undefined): Promise<string> {
  if (dataDir === undefined) return await mkdtemp(join(tmpdir(), 'mooring-lab-postgres-'));
  await mkdir(dataDir, { recursive: true });
  if ((await readdir(dataDir)).length > 0) throw new Error(`The data folder ${dataDir} is not empty`);
  return dataDir;
}

async function startOnFreePort(options: Omit<ClusterOptions, 'port'>, wanted: number) {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await findFreePort() : wanted;
    try {
      return { port, child: await startServer({ ...options, port }) };
    } catch (error) {
      if (wanted !== 0 || attempt === attemptsMax) throw error;
    }
  }
}

async function withAdmin(
  target: { port: number; database: string; admin: PostgresLogin },
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const { port, admin } = target;
  const client = new pg.Client({ host: '127.0.0.1', port, database: target.database, ...admin });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function fillDatabase(
  target: { port: number; admin: PostgresLogin },
  logins: readonly PostgresLogin[],
  rowsInBig: number,
): Promise<void> {
  await withAdmin({ ...target, database: 'postgres' }, async (client) => {
    await client.query(`create database ${database}`);
  });
  await withAdmin({ ...target, database }, async (client) => {
    const roles = logins.map(
      ({ user, password }) => `create role ${user} login password ${pg.escapeLiteral(password)};`,
    );
    await client.query(roles.join('\n'));
    await client.query(schemaSql(rowsInBig));
    await client.query(ordersSql);
    await client.query(grantsSql(logins.map(({ user }) => user)));
  });
}

/**
 * Starts PostgreSQL from the npm package's programs on 127.0.0.1, in about a second. Run by root, the server
 * runs as `postgres` or `nobody`. It ends with this process, also when that is killed.
 * @throws Error when npm has no PostgreSQL for the platform, the port is taken, or `dataDir` is not empty.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<LabPostgres> {
  const folder = await makeFolder(options.dataDir);
  const isTemporary = options.dataDir === undefined;
  const undo: (() => Promise<void> | void)[] = [];
  if (isTemporary) undo.push(() => rm(folder, { recursive: true, force: true }));
  const undoAll = async () => {
    while (undo.length > 0) await undo.pop()?.();
  };
  try {
    const user = await findServerUser('postgres');
    const binaries = await findPostgresBinaries({ forAnotherUser: user !== null, fallbackFolder: folder });
    const authority = createCertificateAuthority();
    const admin = freshLogin(adminName);
    const cluster = { binaries, folder, user, smallDiskBytes: options.smallDiskBytes };
    await initialiseCluster(
      { ...cluster, port: 0 },
      {
        adminPassword: admin.password,
        certificate: authority.issue(['localhost', '127.0.0.1']),
        ca: authority.ca,
      },
    );
    const { port, child } = await startOnFreePort(cluster, options.port ?? 0);
    undo.push(guardAgainstOrphan({ pid: child.pid ?? 0, signal: 'INT' }, isTemporary ? folder : null));
    undo.push(() => stopServer(child));
    const roles = { alice: freshLogin('alice'), bob: freshLogin('bob'), reader: freshLogin('reader') };
    const persons = personNames.map(freshLogin);
    const certified = { user: certifiedName, both: freshLogin(bothName) };
    await fillDatabase(
      { port, admin },
      [...Object.values(roles), ...persons, freshLogin(certifiedName), certified.both],
      options.rowsInBig ?? 1_000_000,
    );
    if (options.smallDiskBytes !== undefined) {
      await withAdmin({ port, database: 'postgres', admin }, async (client) => {
        await client.query(`create tablespace small location ${pg.escapeLiteral(smallDiskOf(folder))}`);
      });
    }
    const fillSmallDisk = () => fillDisk(child.pid ?? 0, smallDiskOf(folder), user);
    const host = '127.0.0.1';
    const hostOutsideCertificate = '127.0.0.2';
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= undoAll();
      return closing;
    };
    const ca = authority.ca;
    return {
      ...{ host, hostOutsideCertificate, port, database, ca, admin, roles, persons, certified },
      ...{ issue: authority.issue, fillSmallDisk, close },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}
