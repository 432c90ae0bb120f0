import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort } from '../free-port.js';
import { endServer, spawnServer } from '../spawned-server.js';

/** Debian's PgBouncer in front of a server, without `ignore_startup_parameters`. */
export interface PgBouncer {
  host: string;
  port: number;
  close(): Promise<void>;
}

export interface PgBouncerOptions {
  mode: 'session' | 'transaction';
  /** It knows all databases of the server, or one by name. */
  databases?: string;
}

export async function startPgBouncer(
  server: { host: string; port: number; admin: { user: string; password: string } },
  { mode, databases = '*' }: PgBouncerOptions,
): Promise<PgBouncer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-pgbouncer-'));
  const port = await findFreePort();
  const { host, admin } = server;
  writeFileSync(path.join(folder, 'users'), `"${admin.user}" "${admin.password}"\n`);
  writeFileSync(
    path.join(folder, 'settings'),
    `[databases]\n${databases} = host=${host} port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}
auth_type = scram-sha-256\nauth_file = ${folder}/users\npool_mode = ${mode}\nunix_socket_dir =\ndefault_pool_size = 30
max_client_conn = 200\n`,
  );
  for (const name of ['', 'users', 'settings']) chmodSync(path.join(folder, name), 0o755);
  // It refuses to run as root.
  const parameters = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const bouncer = await spawnServer({
    name: 'PgBouncer',
    command: ['/usr/sbin/pgbouncer', ...parameters, path.join(folder, 'settings')],
    isReady: (log) => log.includes('process up'),
  });
  return {
    host: '127.0.0.1',
    port,
    async close() {
      await endServer(bouncer, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
