import { manifests } from '@mooring/connectors/registry';
import type { Logger } from 'pino';
import { invitationUrl } from '../core/access/invitation.js';
import { type Config, loadConfig, type ServeFlags } from '../core/config/config.js';
import { recomputeDestinations } from '../core/credentials/records.js';
import { type Opened, openUnderKey } from '../core/opening/open-store.js';
import { reconcile } from '../core/opening/reconcile.js';
import { canOpenAndSeal, settleUnreadableAtStart } from '../core/opening/unreadable-records.js';
import { eachByItself } from '../core/store/batches.js';
import type { Store } from '../core/store/store.js';
import type { Check } from '../web/features/platform/platform-feature.js';
import { type App, createApp } from './app.js';
import { type FirstStart, firstStart } from './first-start.js';
import { listen } from './listen.js';
import { createLog } from './log.js';
import { sealedServer } from './sealed.js';
import { startTidying, type Tidying, tidyingSteps } from './tidying.js';
import { isAway, never, type RunningServer, type Start, untilItIsBack } from './waiting-server.js';

export type { RunningServer } from './waiting-server.js';

export interface ServeSurroundings {
  /** Standard output: the ready line, and a generated key once. */
  print(line: string): void;
  log: Logger;
  /** Instead of the process's environment. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Entry point of runners, where this process runs from its sources. */
  runnerEntry: string | undefined;
}

const drainMs = 30_000;
const keyringRefreshMs = 1_000;

/**
 * `mooring serve`. While its store or its key service is unavailable, or another process still holds the data folder, the
 * server starts sealed (alive, not ready, answers 503, has written nothing) and retries.
 * @throws ConfigError for settings that are not valid; KeyError, StoreError for permanent failures. Nothing was written
 * then.
 */
export async function serve(
  flags: ServeFlags,
  surroundings?: Partial<ServeSurroundings>,
): Promise<RunningServer> {
  const config = loadConfig(flags, surroundings?.environment);
  const log = surroundings?.log ?? createLog(config.logLevel);
  const print = surroundings?.print ?? ((line) => process.stdout.write(`${line}\n`));
  const start = { config, log, print, runnerEntry: surroundings?.runnerEntry };
  try {
    return await serveOpened(start, await openUnderKey(config, log));
  } catch (error) {
    if (!isAway(error)) throw error;
    log.error({ err: error }, error.message);
    return untilItIsBack(start, await sealedServer({ config, log, reason: error.message }), serveOpened);
  }
}

/** `MOORING_ADMIN_KEY` only sets the key of the first administrator. */
async function warnIfIgnored(app: App, adminKey: string, log: Logger): Promise<void> {
  if (await app.authenticator.authenticate(adminKey)) return;
  log.warn(
    'MOORING_ADMIN_KEY is ignored: the store already has an administrator, and this is not a valid API key. Make a new key with: mooring admin-key',
  );
}

/** Refreshes the keyring until the key rotation does: a start may seal for longer than a refresh is valid. */
function keepFresh({ keyring }: Opened, log: Logger): () => void {
  const timer = setInterval(() => {
    keyring
      .refresh()
      .catch((error: unknown) => log.warn({ err: error }, 'the keyring could not be refreshed'));
  }, keyringRefreshMs).unref();
  return () => clearInterval(timer);
}

/**
 * Drains requests, then closes each part even if others fail to close. No part waits for a store that is unavailable, or
 * for a provider for longer than a call that may issue tokens takes.
 */
async function stop(app: App, store: Store, tidying: Tidying | undefined): Promise<void> {
  const force = setTimeout(() => app.http.server.closeAllConnections(), drainMs).unref();
  // Otherwise a connection that was busy when the close began stays open for its client's next request.
  const idle = setInterval(() => app.http.server.closeIdleConnections(), 100);
  await app.http.close();
  clearInterval(idle);
  clearTimeout(force);
  app.runningUses.close();
  const parts: (() => Promise<unknown> | undefined)[] = [
    () => app.runners?.close(),
    () => tidying?.close(),
    // Together: the refresh of an idle grant waits for the store until the grants are closed.
    () => Promise.all([app.keepAlive.close(), app.grants.close()]),
    () => app.revocationJobs.close(),
    () => app.uses.close(),
    () => app.revoker.close(),
    () => app.refusals.close(),
    () => app.rates?.close(),
    () => app.keyRotation.close(),
    () => store.checkpoint(),
  ];
  await eachByItself(parts, async (end) => end());
}

function warnOfClosedLoopback({ egress, publicUrl, isOfThisMachine }: Config, log: Logger): void {
  if (egress.loopback !== 'auto' || publicUrl === undefined || isOfThisMachine) return;
  log.warn(
    { publicUrl },
    'the public URL does not lead to this machine, so egress.loopback auto means deny: connections do not reach local services; list the services they need in egress.allow',
  );
}

function printFirstLines(
  print: Start['print'],
  url: string,
  { generatedAdminKey, invitation }: FirstStart,
): void {
  print(`Mooring listening on ${url}`);
  if (generatedAdminKey) print(`Administrator API key, shown only once: ${generatedAdminKey}`);
  if (invitation)
    print(`Set-up link of the administrator, works once within 24 hours: ${invitationUrl(url, invitation)}`);
}

/** Brings the store into a consistent state before the first request. */
async function settleStore({ store, vault, keyring }: Opened, log: Logger): Promise<void> {
  await reconcile(store, log);
  await settleUnreadableAtStart({ store, vault, keyring }, log);
  const { moved, showing } = await recomputeDestinations(store, manifests);
  if (moved > 0)
    log.info({ connections: moved }, 'allowed destinations were recomputed by the rule of this version');
  if (showing > 0)
    log.warn(
      { connections: showing },
      'connections show a credential in a URL to everyone who may see them; the audit log lists each as data-connection.shows-credential',
    );
}

/** @throws as `serve`; then nothing is left running and the store is closed */
async function serveOpened(start: Start, opened: Opened): Promise<RunningServer> {
  const { log } = start;
  const { createdKeyFile } = opened;
  if (createdKeyFile) {
    log.warn(
      { path: createdKeyFile },
      'a master key was created; keep a copy apart from the data: without it, credentials cannot be decrypted',
    );
  }
  const stopRefreshing = keepFresh(opened, log);
  try {
    await settleStore(opened, log);
    return await serveSettled(start, opened);
  } catch (error) {
    await opened.store.close().catch(() => undefined);
    throw error;
  } finally {
    stopRefreshing();
  }
}

async function serveSettled(
  { config, log, print, runnerEntry }: Start,
  opened: Opened,
): Promise<RunningServer> {
  const { store, vault, keyring } = opened;
  let url = config.publicUrl ?? '';
  let isDraining = false;
  // A start that cannot listen leaves the store unchanged, so the store is filled after that; requests wait until then.
  let isFilled = false;
  const checks = async (): Promise<Record<string, Check>> => ({
    store: await store.db
      .selectFrom('setting')
      .select('name')
      .limit(1)
      .execute()
      .then(() => ({ ok: true }))
      .catch(() => ({ ok: false, detail: 'The store does not respond.' })),
    key: await canOpenAndSeal({ store, vault, keyring }).then(
      (ok) =>
        ok
          ? { ok }
          : { ok, detail: 'Nothing can be encrypted at the moment. Operators: run mooring keys list' },
      () => ({ ok: false, detail: "The service's own secrets cannot be decrypted at the moment." }),
    ),
    ...(isFilled ? {} : { start: { ok: false, detail: 'The service is starting.' } }),
    draining: { ok: !isDraining },
  });
  const app = await createApp({
    ...{ config, log, store, vault, keyring, checks, runnerEntry },
    publicUrl: () => url,
    notReady: () => (isFilled ? undefined : 'The service is starting. Try again in a moment.'),
  });
  let tidying: Tidying | undefined;
  const stopping = async (): Promise<void> => {
    isDraining = true;
    await stop(app, store, tidying).finally(() => store.close());
  };
  try {
    await keyring.refresh();
    await app.grants.recover();
    await app.uses.open();
    const bound = await listen(app.http, config);
    url ||= bound;
    const first = await firstStart(store, keyring.hashToken, config.adminKey);
    isFilled = true;
    if (config.adminKey !== undefined && first.invitation === undefined)
      await warnIfIgnored(app, config.adminKey, log);
    app.keyRotation.watch();
    warnOfClosedLoopback(config, log);
    void app.selfCheck.warn(log);
    tidying = startTidying({
      ...{ store, log, failed: app.metrics.tidyingFailed },
      steps: tidyingSteps(app, store, log, config.limits),
    });
    printFirstLines(print, url, first);
  } catch (error) {
    await stopping().catch((failed: unknown) => log.warn({ err: failed }, 'some parts could not be stopped'));
    throw error;
  }
  return {
    url,
    failed: never,
    async close() {
      await stopping();
      log.info('stopped');
    },
  };
}
