import { manifests } from '@mooring/connectors/registry';
import type { Logger } from 'pino';
import { invitationUrl } from './access/invitation.js';
import { type App, createApp } from './app.js';
import { recomputeDestinations } from './broker/recompute-destinations.js';
import { type Config, ConfigError, loadConfig, type ServeFlags } from './config.js';
import type { Check } from './features/platform/platform-feature.js';
import { firstStart } from './first-start.js';
import { createLog } from './log.js';
import { DatabaseAwayError, type Opened, openUnderKey } from './open-store.js';
import { reconcile } from './reconcile.js';
import { type SealedServer, sealedServer } from './sealed.js';
import { OutcomeUnknownError, StoreHeldError, StoreUnavailableError } from './store/store-error.js';
import { startTidying, tidyingSteps } from './tidying.js';
import { canOpenAndSeal, settleUnreadableAtStart } from './unreadable-records.js';
import { KeyServiceError } from './vault/key-service.js';

export interface RunningServer {
  url: string;
  /** Settles when a server that waited for its store cannot become one, and waiting longer is no help. */
  failed: Promise<Error>;
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
const isAway = (error: unknown): error is Error =>
  error instanceof DatabaseAwayError ||
  error instanceof StoreHeldError ||
  error instanceof KeyServiceError ||
  error instanceof StoreUnavailableError ||
  error instanceof OutcomeUnknownError;

const never = new Promise<never>(() => undefined);

/** Doubled after each refusal of a key service: it counts and bills its calls. */
const tryAgainMs = { database: 1_000, keyServiceMost: 30_000 };

interface Start {
  config: Config;
  log: Logger;
  print(line: string): void;
}

/**
 * `mooring serve`. While its store or its key service is only away, or another process still holds the data folder, the
 * server starts sealed (alive, not ready, answering 503, having written nothing) and goes on trying.
 * @throws ConfigError for settings that make no sense; KeyError, StoreError for what no waiting mends: nothing was
 * written then
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
    if (!isAway(error)) throw error;
    log.error({ err: error }, error.message);
    return untilItIsBack(start, await sealedServer({ config, log, reason: error.message }));
  }
  return serveOpened(start, opened);
}

/** A sealed server that becomes one like any other when its database, or its key service, answers. */
function untilItIsBack({ config, log, print }: Start, sealed: SealedServer): RunningServer {
  let current: Pick<RunningServer, 'url' | 'close'> = sealed;
  let isClosed = false;
  const atSamePort = { ...config, port: Number(new URL(sealed.url).port) };
  let pauseMs = tryAgainMs.database;

  /** @throws whatever no waiting mends */
  const tryOnce = async (): Promise<boolean> => {
    let opened: Opened;
    try {
      opened = await openUnderKey(config, log);
    } catch (error) {
      if (error instanceof KeyServiceError) {
        pauseMs = Math.min(pauseMs * 2, tryAgainMs.keyServiceMost);
        log.warn({ err: error }, error.message);
      }
      if (isAway(error)) return false;
      throw error;
    }
    await current.close();
    try {
      current = await serveOpened({ config: atSamePort, log, print }, opened);
      return true;
    } catch (error) {
      await opened.store.close().catch(() => undefined);
      if (!isAway(error)) throw error;
      current = await sealedServer({ config: atSamePort, log, reason: error.message });
      return false;
    }
  };
  const trying = async (): Promise<void> => {
    do await new Promise((resolve) => setTimeout(resolve, pauseMs));
    while (!isClosed && !(await tryOnce()));
  };
  const tried = trying();
  return {
    get url() {
      return current.url;
    },
    failed: tried.then(
      () => never,
      (error: Error) => error,
    ),
    async close() {
      isClosed = true;
      await tried.catch(() => undefined);
      await current.close();
    },
  };
}

/** It makes the first administrator's key, and nothing afterwards. */
async function sayIfIgnored(app: App, adminKey: string, log: Logger): Promise<void> {
  if (await app.authenticator.authenticate(adminKey)) return;
  log.warn(
    'MOORING_ADMIN_KEY is ignored: the store has its administrator, and this is not one of its keys. Make a new key with: mooring admin-key',
  );
}

async function serveOpened({ config, log, print }: Start, opened: Opened): Promise<RunningServer> {
  const { store, vault, keyring, createdKeyFile } = opened;
  if (createdKeyFile) {
    log.warn(
      { path: createdKeyFile },
      'a master key was made; keep a copy apart from the data, without it no credential can be read',
    );
  }
  await reconcile(store, log);
  await settleUnreadableAtStart({ store, vault, keyring }, log);
  const recomputed = await recomputeDestinations(store, manifests);
  if (recomputed > 0)
    log.info(
      { connections: recomputed },
      'allowed destinations were written anew under the rule of this version',
    );

  let url = config.publicUrl ?? '';
  let isDraining = false;
  // So that a start which cannot listen leaves the store as it was, and nobody is answered before it is filled.
  let isFilled = false;
  const checks = async (): Promise<Record<string, Check>> => ({
    store: await store.db
      .selectFrom('setting')
      .select('name')
      .limit(1)
      .execute()
      .then(() => ({ ok: true }))
      .catch(() => ({ ok: false, detail: 'The store does not answer.' })),
    key: await canOpenAndSeal({ store, vault, keyring }).then(
      (ok) =>
        ok
          ? { ok }
          : { ok, detail: 'Nothing can be sealed just now. The operator looks at: mooring keys list' },
      () => ({ ok: false, detail: 'What the service itself has sealed cannot be opened just now.' }),
    ),
    ...(isFilled ? {} : { start: { ok: false, detail: 'The service is starting.' } }),
    draining: { ok: !isDraining },
  });
  const app = await createApp({
    config,
    log,
    store,
    vault,
    keyring,
    publicUrl: () => url,
    notReady: () => (isFilled ? undefined : 'The service is starting. Try again in a moment.'),
    checks,
  });
  await app.grants.recover();
  await app.uses.open();
  const bound = await app.http
    .listen({ host: config.host, port: config.port })
    .catch(async (cause: unknown) => {
      await app.grants.close();
      await store.close();
      throw new ConfigError(`Cannot listen on ${config.host}:${config.port}. ${(cause as Error).message}`);
    });
  url ||= bound;
  const first = await firstStart(store, keyring.hashToken, config.adminKey).catch(async (error: unknown) => {
    await app.http.close();
    await store.close();
    throw error;
  });
  isFilled = true;
  if (config.adminKey !== undefined && first.invitation === undefined)
    await sayIfIgnored(app, config.adminKey, log);
  app.keyRotation.watch();
  if (config.egress.loopback === 'auto' && config.publicUrl !== undefined && !config.isOfThisMachine) {
    log.warn(
      { publicUrl: config.publicUrl },
      'the public URL is not of this machine, so egress.loopback auto is deny: connections do not reach local services; list those that they need in egress.allow',
    );
  }
  void app.selfCheck.warn(log);
  const tidying = startTidying({
    ...{ store, log, failed: app.metrics.tidyingFailed },
    steps: tidyingSteps(app, store, log, config.limits),
  });

  print(`Mooring listening on ${url}`);
  if (first.generatedAdminKey) print(`Administrator API key, shown this once: ${first.generatedAdminKey}`);
  if (first.invitation)
    print(
      `Set-up link of the administrator, works once and for a day: ${invitationUrl(url, first.invitation)}`,
    );
  return {
    url,
    failed: never,
    async close() {
      isDraining = true;
      const force = setTimeout(() => app.http.server.closeAllConnections(), drainMs).unref();
      // A connection that was busy when the close began stays open for its client's next request otherwise.
      const idle = setInterval(() => app.http.server.closeIdleConnections(), 100);
      await app.http.close();
      clearInterval(idle);
      clearTimeout(force);
      app.runningUses.close();
      await tidying.close();
      await app.keepAlive.close();
      await app.revocationJobs.close();
      await app.grants.close();
      await app.uses.close();
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
