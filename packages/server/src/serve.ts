import type { Logger } from 'pino';
import { createApp } from './app.js';
import { purgeAuditEvents } from './audit/record.js';
import { purgeRevocations } from './broker/revocation-queue.js';
import { ConfigError, loadConfig, type ServeFlags } from './config.js';
import type { Check } from './features/platform/platform-feature.js';
import { firstStart } from './first-start.js';
import { createLog } from './log.js';
import { type Opened, openUnderKey } from './open-store.js';
import { reconcile } from './reconcile.js';
import { sealedServer } from './sealed.js';
import { purgeSignIns } from './sign-ins/sign-in-store.js';
import { StoreError } from './store/store-error.js';
import { KeyError } from './vault/keyring.js';

export interface RunningServer {
  url: string;
  /** Finishes what is under way, then closes everything. */
  close(): Promise<void>;
}

export interface ServeSurroundings {
  /** Standard output: the ready line, and a generated key once. */
  print(line: string): void;
  log: Logger;
  /** Instead of the process's environment. */
  environment: Readonly<Record<string, string | undefined>>;
}

const drainMs = 30_000;

const isKnown = (error: unknown): error is Error =>
  error instanceof KeyError || error instanceof StoreError || error instanceof ConfigError;

/**
 * `mooring serve`. With a missing or wrong key, or a store that cannot be opened, the server starts sealed: alive,
 * not ready, answering 503, having written nothing.
 * @throws ConfigError for settings that make no sense.
 */
export async function serve(
  flags: ServeFlags,
  surroundings?: Partial<ServeSurroundings>,
): Promise<RunningServer> {
  const config = loadConfig(flags, surroundings?.environment);
  const log = surroundings?.log ?? createLog(config.logLevel);
  const print = surroundings?.print ?? ((line) => process.stdout.write(`${line}\n`));
  let opened: Opened;
  try {
    opened = await openUnderKey(config, log);
  } catch (error) {
    if (!isKnown(error)) throw error;
    log.error({ err: error }, error.message);
    return sealedServer({ config, log, reason: error.message });
  }
  const { store, vault, createdKeyFile } = opened;
  if (createdKeyFile) {
    log.warn(
      { path: createdKeyFile },
      'a master key was made; keep a copy apart from the data, without it no credential can be read',
    );
  }
  const first = await firstStart(store, config.adminKey).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  await reconcile(store, log);

  let url = config.publicUrl ?? '';
  let isDraining = false;
  const checks = async (): Promise<Record<string, Check>> => ({
    store: await store.db
      .selectFrom('setting')
      .select('name')
      .limit(1)
      .execute()
      .then(() => ({ ok: true }))
      .catch(() => ({ ok: false, detail: 'The store does not answer.' })),
    key: { ok: true },
    draining: { ok: !isDraining },
  });
  const app = await createApp({
    config,
    log,
    store,
    vault,
    publicUrl: () => url,
    notReady: () => undefined,
    checks,
  });
  if (store.kind === 'sqlite') await app.grants.freeLeases();
  const bound = await app.http
    .listen({ host: config.host, port: config.port })
    .catch(async (cause: unknown) => {
      await store.close();
      throw new ConfigError(`Cannot listen on ${config.host}:${config.port}. ${(cause as Error).message}`);
    });
  url ||= bound;
  const purge = setInterval(() => {
    purgeSignIns(store.db, new Date())
      .then(() => (store.kind === 'sqlite' ? undefined : reconcile(store, log)))
      .then(() => app.parked.expire())
      .then(() => purgeAuditEvents(store.db, new Date(), config.limits.auditDays))
      .then(() => app.idempotency.purge(new Date()))
      .then(() => purgeRevocations(store, config.limits.auditDays))
      .then(() => store.checkpoint())
      .catch((error: unknown) => log.warn({ err: error }, 'the store could not be tidied'));
  }, 60_000).unref();

  print(`Mooring listening on ${url}`);
  if (first.generatedAdminKey) print(`Administrator API key, shown this once: ${first.generatedAdminKey}`);
  return {
    url,
    async close() {
      isDraining = true;
      clearInterval(purge);
      const force = setTimeout(() => app.http.server.closeAllConnections(), drainMs).unref();
      // A connection that was busy when the close began stays open for its client's next request otherwise.
      const idle = setInterval(() => app.http.server.closeIdleConnections(), 100);
      await app.http.close();
      clearInterval(idle);
      clearTimeout(force);
      await app.keepAlive.close();
      await app.grants.settled();
      await app.revoker.settled();
      app.revoker.close();
      await app.rates?.close();
      await store.checkpoint();
      await store.close();
      log.info('stopped');
    },
  };
}
