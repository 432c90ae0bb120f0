import type { Logger } from 'pino';
import { createApp } from './app.js';
import { purgeAuditEvents } from './audit/record.js';
import { purgeUndoCopies } from './broker/login-changes.js';
import { purgeRevocations } from './broker/revocation-queue.js';
import { type Config, ConfigError, loadConfig, type ServeFlags } from './config.js';
import type { Check } from './features/platform/platform-feature.js';
import { firstStart } from './first-start.js';
import { createLog } from './log.js';
import { DatabaseAwayError, type Opened, openUnderKey } from './open-store.js';
import { reconcile } from './reconcile.js';
import { sealedServer } from './sealed.js';
import { purgeSignIns } from './sign-ins/sign-in-store.js';
import { OutcomeUnknownError, StoreError, StoreUnavailableError } from './store/store-error.js';
import { KeyServiceError } from './vault/key-service.js';
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

/** It may be enough to wait. */
const isAway = (error: unknown): boolean =>
  error instanceof DatabaseAwayError ||
  error instanceof KeyServiceError ||
  error instanceof StoreUnavailableError ||
  error instanceof OutcomeUnknownError;

const isKnown = (error: unknown): error is Error =>
  error instanceof KeyError || error instanceof StoreError || error instanceof ConfigError || isAway(error);

/** Doubled after each refusal of a key service: it counts and bills its calls. */
const tryAgainMs = { database: 1_000, keyServiceMost: 30_000 };

interface Start {
  config: Config;
  log: Logger;
  print(line: string): void;
}

/**
 * `mooring serve`. With a missing or wrong key, or a store that cannot be opened, the server starts sealed: alive,
 * not ready, answering 503, having written nothing. While its database or its key service is only away it goes on trying.
 * @throws ConfigError for settings that make no sense.
 */
export async function serve(
  flags: ServeFlags,
  surroundings?: Partial<ServeSurroundings>,
): Promise<RunningServer> {
  const config = loadConfig(flags, surroundings?.environment);
  const log = surroundings?.log ?? createLog(config.logLevel);
  const print = surroundings?.print ?? ((line) => process.stdout.write(`${line}\n`));
  const start = { config, log, print };
  let opened: Opened;
  try {
    opened = await openUnderKey(config, log);
  } catch (error) {
    if (!isKnown(error)) throw error;
    log.error({ err: error }, error.message);
    const sealed = await sealedServer({ config, log, reason: error.message });
    return isAway(error) ? untilItIsBack(start, sealed) : sealed;
  }
  return serveOpened(start, opened);
}

/** A sealed server that becomes one like any other when its database, or its key service, answers. */
function untilItIsBack({ config, log, print }: Start, sealed: RunningServer): RunningServer {
  let current = sealed;
  let isClosed = false;
  const { port } = new URL(sealed.url);
  const trying = async (): Promise<void> => {
    let pauseMs = tryAgainMs.database;
    while (!isClosed) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      let opened: Opened;
      try {
        opened = await openUnderKey(config, log);
      } catch (error) {
        if (error instanceof KeyServiceError) {
          pauseMs = Math.min(pauseMs * 2, tryAgainMs.keyServiceMost);
          log.warn({ err: error }, error.message);
        }
        if (isAway(error)) continue;
        return log.error({ err: error }, 'still sealed; mend this and start again');
      }
      await current.close();
      current = await serveOpened({ config: { ...config, port: Number(port) }, log, print }, opened);
      return;
    }
  };
  const tried = trying().catch((error: unknown) => log.error({ err: error }, 'the server could not start'));
  return {
    get url() {
      return current.url;
    },
    async close() {
      isClosed = true;
      await tried;
      await current.close();
    },
  };
}

async function serveOpened({ config, log, print }: Start, opened: Opened): Promise<RunningServer> {
  const { store, vault, keyring, createdKeyFile } = opened;
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
    keyring,
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
  app.keyRotation.watch();
  if (config.egress.loopback === 'auto' && config.publicUrl !== undefined && !config.isOfThisMachine) {
    log.warn(
      { publicUrl: config.publicUrl },
      'the public URL is not of this machine, so egress.loopback auto is deny: connections do not reach local services; list those that they need in egress.allow',
    );
  }
  void app.selfCheck.warn(log);
  const purge = setInterval(() => {
    app.signIns
      .endUnclaimed()
      .then(() => purgeSignIns(store.db, new Date()))
      .then(() => (store.kind === 'sqlite' ? undefined : reconcile(store, log)))
      .then(() => app.parked.expire())
      .then(() => purgeAuditEvents(store.db, new Date(), config.limits.auditDays))
      .then(() => app.idempotency.purge(new Date()))
      .then(() => purgeUndoCopies(store, new Date()))
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
      app.runningUses.close();
      await app.keepAlive.close();
      await app.grants.settled();
      await app.revoker.settled();
      app.revoker.close();
      await app.refusals.close();
      await app.rates?.close();
      await app.keyRotation.close();
      await store.checkpoint();
      await store.close();
      log.info('stopped');
    },
  };
}
