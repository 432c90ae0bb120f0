import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { createCertificateAuthority } from '../certificate-authority.js';
import { findFreePort } from '../free-port.js';
import { guardAgainstOrphan } from '../orphan-guard.js';
import { findServerUser } from '../server-user.js';
import { findPostgresBinaries } from './binaries.js';
import { adminName, dataOf, initialiseCluster, startServer, stopServer } from './process.js';

/** A primary and a synchronous replica. */
export interface ReplicatedPostgres {
  host: '127.0.0.1';
  /** Port of the primary; changes when the replica is promoted. */
  port: number;
  admin: { user: string; password: string };
  /** Kills the primary and promotes the replica. */
  promoteReplica(): Promise<void>;
  close(): Promise<void>;
}

const run = promisify(execFile);

/** https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION */
const ofPrimary = [
  'wal_level=replica',
  'max_wal_senders=10',
  'synchronous_commit=on',
  'synchronous_standby_names=*',
];
const ofReplica = ['wal_level=replica', 'max_wal_senders=10', 'synchronous_commit=on', 'hot_standby=on'];

export async function startReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-lab-replicated-'));
  await chmod(folder, 0o755);
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  for (const each of [first, second]) await mkdir(each);
  const user = await findServerUser('postgres');
  const binaries = await findPostgresBinaries({ forAnotherUser: user !== null, fallbackFolder: folder });
  const admin = { user: adminName, password: randomBytes(18).toString('base64url') };
  const authority = createCertificateAuthority();
  const certificate = authority.issue(['localhost', '127.0.0.1']);
  const cluster = { binaries, folder: first, user };
  await initialiseCluster(
    { ...cluster, port: 0 },
    { adminPassword: admin.password, certificate, ca: authority.ca },
  );
  const lines = 'host replication all 127.0.0.0/8 scram-sha-256\n';
  await appendFile(join(dataOf(first), 'pg_hba.conf'), lines);
  // The server is idle, so a copy of its files is a valid base backup.
  await run('cp', ['-a', dataOf(first), second]);
  if (user !== null) await run('chown', [`${user.uid}:${user.gid}`, second]);
  const ports = { first: await findFreePort(), second: await findFreePort() };
  const source = `host=127.0.0.1 port=${ports.first} user=${admin.user} password=${admin.password}`;
  await writeFile(join(dataOf(second), 'standby.signal'), '');
  await appendFile(join(dataOf(second), 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
  const guarded = async (options: Parameters<typeof startServer>[0]) => {
    const child = await startServer(options);
    return { child, forget: guardAgainstOrphan({ pid: child.pid ?? 0, signal: 'INT' }, folder) };
  };
  const primary = await guarded({ ...cluster, port: ports.first, settings: ofPrimary });
  const replica = await guarded({ ...cluster, folder: second, port: ports.second, settings: ofReplica });
  const server: ReplicatedPostgres = {
    host: '127.0.0.1',
    port: ports.first,
    admin,
    async promoteReplica() {
      const ended = once(primary.child, 'exit');
      primary.child.kill('SIGKILL');
      await ended;
      const client = new pg.Client({ host: '127.0.0.1', port: ports.second, database: 'postgres', ...admin });
      await client.connect();
      await client.query('select pg_promote(true, 60)');
      await client.end();
      server.port = ports.second;
    },
    async close() {
      for (const { child, forget } of [primary, replica]) {
        await stopServer(child);
        forget();
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
  return server;
}
