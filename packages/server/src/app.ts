import { createRetries } from '@mooring/connectors/kit/retries';
import { manifests } from '@mooring/connectors/registry';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createAccessTokens } from './access/access-tokens.js';
import { type Authenticator, createAuthenticator } from './access/authenticate.js';
import { createSigningKeys } from './access/signing-key.js';
import { createFoldedRefusals, type FoldedRefusals } from './audit/folded-refusals.js';
import { createRefusalRecord } from './audit/refused-destinations.js';
import { createRefusedSignIns } from './audit/refused-sign-ins.js';
import { createBringing } from './broker/bring.js';
import { createBroker } from './broker/broker.js';
import { setupToRenew } from './broker/credential-setup.js';
import { createGrants, type Grants } from './broker/grants.js';
import { createKeepAlive, type KeepAlive } from './broker/keep-alive.js';
import { createLeaving } from './broker/leaving.js';
import { createLoginChanges } from './broker/login-changes.js';
import { createRevocationJobs, type RevocationJobs } from './broker/revocation-jobs.js';
import { createRevoker, type Revoker } from './broker/revoker.js';
import { createOrphanSweep } from './broker/sealed-orphans.js';
import { createCatalogue } from './catalogue/catalogue.js';
import { createSourceSettings } from './catalogue/source-settings.js';
import type { Config } from './config.js';
import { createGate } from './egress/gate.js';
import { createPolicy } from './egress/policy.js';
import { createApiKeysFeature } from './features/api-keys/api-keys-feature.js';
import { createAuditsFeature } from './features/audits/audits-feature.js';
import { createCatalogueFeature } from './features/catalogue/catalogue-feature.js';
import { createConnectionCredentialFeature } from './features/connection-credential/connection-credential-feature.js';
import { createConnectionsFeature } from './features/connections/connections-feature.js';
import { createCredentialChangesFeature } from './features/credential-changes/credential-changes-feature.js';
import { createCredentialsFeature } from './features/credentials/credentials-feature.js';
import { createEndpointsFeature } from './features/endpoints/endpoints-feature.js';
import { createInvitationsFeature } from './features/invitations/invitations-feature.js';
import { createOAuthClientsFeature } from './features/oauth-clients/oauth-clients-feature.js';
import { createOAuthTokensFeature } from './features/oauth-tokens/oauth-tokens-feature.js';
import { registerDocs } from './features/platform/docs.js';
import { type Check, createPlatformFeature } from './features/platform/platform-feature.js';
import { createRevocationsFeature } from './features/revocations/revocations-feature.js';
import { createSelfCheckFeature } from './features/self-check/self-check-feature.js';
import { createSignInsFeature } from './features/sign-ins/sign-ins-feature.js';
import { createSpacesFeature } from './features/spaces/spaces-feature.js';
import { createUseFeature } from './features/use/use-feature.js';
import { createUsersFeature } from './features/users/users-feature.js';
import { createUsesFeature } from './features/uses/uses-feature.js';
import { createVaultKeysFeature } from './features/vault-keys/vault-keys-feature.js';
import type { BoundRoute } from './http/handler.js';
import { contextOfIdempotentRequest, createIdempotency, type Idempotency } from './http/idempotency.js';
import { withNewerDoor } from './http/newer-door.js';
import { createHttpServer } from './http/server.js';
import { createIsolation } from './isolation/isolation.js';
import { connectionsAtOnce, usesAtOnce, waitingAtOnce } from './isolation/open-files.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createGuessGuard } from './rates/guess-guard.js';
import { createQuotas } from './rates/quotas.js';
import { createRateTiers, type RateTiers } from './rates/rate-tiers.js';
import { createRunnerPool, type RunnerPool } from './runners/pool.js';
import { executeInRunners } from './runners/remote-work.js';
import { createEcho } from './self-check/echo.js';
import { createSelfCheck, type SelfCheck } from './self-check/self-check.js';
import { executeHere } from './sessions/execute.js';
import { createRunningUses, type RunningUses } from './sessions/running-uses.js';
import { createSessions } from './sessions/sessions.js';
import { createArrivals } from './sign-ins/arrival.js';
import { createParkedGrants, type ParkedGrants } from './sign-ins/parked-grants.js';
import { createRenewals } from './sign-ins/renewal.js';
import { createSignIns, type SignIns } from './sign-ins/sign-ins.js';
import type { Store } from './store/store.js';
import type { ConnectionTable, CredentialTable } from './store/tables.js';
import { recordDropped } from './unreadable-records.js';
import { createRecordKeeper, type RecordKeeper } from './use-record/keeper.js';
import { createUseLog, type UseLog } from './use-record/log.js';
import type { Vault } from './vault/envelope.js';
import { createKeyRotation, type KeyRotation } from './vault/key-rotation.js';
import { createOwnSecrets } from './vault/own-secrets.js';
import type { StoredKeyring } from './vault/stored-keyring.js';

export interface AppDependencies {
  config: Config;
  log: Logger;
  store: Store;
  vault: Vault;
  keyring: StoredKeyring;
  publicUrl: () => string;
  /** Why the service cannot work; undefined when it can. */
  notReady: () => string | undefined;
  checks: () => Promise<Record<string, Check>>;
  /** The program of runners, instead of the one that lies beside this one. */
  runnerEntry?: string | undefined;
}

export interface App {
  http: FastifyInstance;
  routes: readonly BoundRoute[];
  authenticator: Authenticator;
  revoker: Revoker;
  revocationJobs: RevocationJobs;
  grants: Grants;
  keepAlive: KeepAlive;
  parked: ParkedGrants;
  /** One round of looking for what is sealed without its record. */
  sweepOrphans: () => Promise<void>;
  runningUses: RunningUses;
  /** Absent where sources are worked on in this process. */
  runners: RunnerPool | undefined;
  refusals: FoldedRefusals;
  signIns: SignIns;
  selfCheck: SelfCheck;
  idempotency: Idempotency;
  keeper: RecordKeeper;
  uses: UseLog;
  keyRotation: KeyRotation;
  metrics: Metrics;
  /** Absent when requests are not limited. */
  rates: RateTiers | undefined;
}

/** The composition root: makes every room and connects them; nothing is decided here. */
export async function createApp(deps: AppDependencies): Promise<App> {
  const { config, log, store, vault, keyring, publicUrl } = deps;
  const { clients } = config.oauth;
  const { hashToken } = keyring;
  /** One clock for all that is judged by time: the store's. */
  const now = () => new Date(store.clock.now());
  const sourceSettings = createSourceSettings(store, now);
  const catalogue = createCatalogue(manifests, sourceSettings, config.sources);
  const egressOf = (spaceId: string | null) => ({
    ...{ loopback: config.egress.loopback, isOfThisMachine: config.isOfThisMachine },
    allow: [...config.egress.allow, ...(config.egress.spaces[spaceId ?? ''] ?? [])],
  });
  const policy = createPolicy(egressOf(null));
  const inSpaces = new Map(
    Object.keys(config.egress.spaces).map((spaceId) => [spaceId, createPolicy(egressOf(spaceId))]),
  );
  const gate = createGate({
    policy,
    inSpaces,
    onRefused: (refusal) => log.warn(refusal, 'egress refused'),
  });
  const refusals = createFoldedRefusals(store.db, log, store.clock.now);
  const destinationRefused = createRefusalRecord(refusals, log);
  const quotas = createQuotas(store.db, config.quotas);
  const ownSecrets = createOwnSecrets({ store, vault, recordDropped });
  const accessTokens = createAccessTokens(createSigningKeys(ownSecrets), publicUrl, store.clock.now);
  const authenticator = createAuthenticator({ db: store.db, accessTokens, hashToken, now: store.clock.now });
  const idempotency = createIdempotency({
    ...{ db: store.db, clock: store.clock, vault, log },
    bytesPerUser: config.quotas.idempotentBytesPerUser,
  });
  const contextOfRequest = contextOfIdempotentRequest;
  const keyRotation = createKeyRotation({ store, vault, keyring, log, contextOfRequest });
  const guesses = createGuessGuard();
  const rates =
    config.rateLimits === 'off' ? undefined : createRateTiers({ store, limits: config.rateLimits, log });
  const revoker = createRevoker({ store, vault, network: gate, catalogue, clients, log });
  const { endTokens } = revoker;
  const grants = createGrants({
    ...{ store, vault, network: gate, endTokens, log, clock: store.clock },
    ownVault: keyring.ownVault,
    dataFolder: config.dataFolder,
  });
  const setupOf = (credential: CredentialTable, connection?: ConnectionTable) =>
    setupToRenew(store.db, { vault, catalogue, clients }, credential, connection);
  const keepAlive = createKeepAlive({ store, grants, setupOf, log });
  const broker = createBroker({ store, vault, grants, clients });
  const { signInMinutes, testSeconds: coarseSeconds } = config.limits;
  const parked = createParkedGrants({ store, vault, revoker, signInMinutes });
  const renewals = createRenewals({
    ...{ store, vault, network: gate, log, parked, revoker, coarseSeconds, setupOf },
  });
  const signIns = createSignIns({
    parked,
    revoker,
    store,
    vault,
    network: gate,
    log,
    publicUrl,
    signInMinutes,
    coarseSeconds,
    now,
  });
  const bringing = createBringing({ store, vault, signIns, revoker, network: gate, clients, quotas, now });
  const logins = createLoginChanges({ store, vault });
  const isolation = createIsolation({
    ...{ limits: config.limits, usesMax: usesAtOnce, waitingMax: waitingAtOnce },
  });
  const retries = createRetries();
  const runners =
    config.runners === 0
      ? undefined
      : createRunnerPool({
          ...{ entry: deps.runnerEntry, log, retries, onRefused: gate.noteRefusal },
          runnersMax: config.runners === 'auto' ? undefined : config.runners,
          runnerMemoryMb: config.limits.runnerMemory,
          runnersMemoryMb: config.limits.runnersMemory,
          waitSeconds: config.limits.waitSeconds,
        });
  const execute = runners ? executeInRunners(runners, egressOf) : executeHere(catalogue, gate, retries);
  const sessions = createSessions({ execute, isolation, settings: config.sources });
  const runningUses = createRunningUses({
    store,
    isKeyAlive: authenticator.isAlive,
    isSourceDisabled: sourceSettings.isDisabled,
  });
  const revocationJobs = createRevocationJobs({ store, revoker, log, onEnded: runningUses.look });
  const leaving = createLeaving({ revoker, jobs: revocationJobs });
  const signInRefused = createRefusedSignIns(refusals, log);
  const keeper = createRecordKeeper({ store, vault, log });
  const uses = createUseLog({ store, keeper, signInRefused, log });
  const arrivals = createArrivals({ store, vault, now });
  const echo = createEcho();
  const selfCheck = createSelfCheck({ config, publicUrl, manifests, network: gate, echo, runners });
  const metrics = createMetrics(gate, sessions.openCount, isolation.counts, runners);
  const routes = withNewerDoor([
    ...createPlatformFeature({
      ...{ store, publicUrl, echo, checks: deps.checks, metricsText: metrics.text },
      authenticate: (token) => authenticator.authenticate(token),
      wrongToken: guesses.failed,
      ...{ trustedProxies: config.trustedProxies, hasPublicUrl: config.hasPublicUrl },
    }),
    ...createUsersFeature({
      ...{ store, authenticator, leaving, publicUrl },
      readSeconds: config.limits.readSeconds,
    }),
    ...createApiKeysFeature({ store, authenticator, hashToken, publicUrl, now }),
    ...createInvitationsFeature({ store, guesses, hashToken, publicUrl }),
    ...createOAuthClientsFeature({ store, authenticator, hashToken, leaving, publicUrl }),
    ...createOAuthTokensFeature({
      ...{ store, accessTokens, authenticator, guesses, hashToken, publicUrl },
    }),
    ...createSpacesFeature({ store, quotas, publicUrl }),
    ...createVaultKeysFeature({ keyRotation }),
    ...createAuditsFeature({ store, publicUrl, days: config.limits.auditDays }),
    ...createCatalogueFeature({
      catalogue,
      settings: sourceSettings,
      publicUrl,
      startedAt: new Date().toISOString(),
    }),
    ...createEndpointsFeature({ store, catalogue, publicUrl }),
    ...createConnectionsFeature({ store, vault, catalogue, bringing, revoker, quotas, publicUrl, now }),
    ...createConnectionCredentialFeature({
      ...{ store, vault, catalogue, bringing, destinationRefused, now },
      testSeconds: config.limits.testSeconds,
    }),
    ...createCredentialsFeature({ store, catalogue, bringing, logins, revoker, publicUrl }),
    ...createCredentialChangesFeature({
      store,
      logins,
      catalogue,
      sessions,
      runningUses,
      uses,
      config,
      destinationRefused,
      now,
    }),
    ...createRevocationsFeature({ store, revoker, jobs: revocationJobs, publicUrl }),
    ...createSelfCheckFeature({ selfCheck }),
    ...createSignInsFeature({
      ...{ store, catalogue, arrivals, renewals, parked, signIns, publicUrl, now },
    }),
    ...createUseFeature({
      store,
      vault,
      catalogue,
      broker,
      bringing,
      sessions,
      runningUses,
      uses,
      log,
      config,
      refusals,
      destinationRefused,
      signInRefused,
    }),
    ...createUsesFeature({ store, keeper, publicUrl, testSeconds: config.limits.testSeconds }),
  ]);
  const http = await createHttpServer({
    log,
    routes,
    authenticate: (token) => authenticator.authenticate(token),
    wrongToken: guesses.failed,
    takeRequest: async (caller, tier) => rates?.take(caller, tier),
    idempotency,
    destinationRefused,
    trustedProxies: config.trustedProxies,
    requestMs: config.limits.requestSeconds * 1000,
    connectionsMax: connectionsAtOnce(),
    isSecure: () => publicUrl().startsWith('https:'),
    notReady: deps.notReady,
    observe: metrics.observe,
  });
  registerDocs(http);
  return {
    http,
    routes,
    authenticator,
    revoker,
    revocationJobs,
    grants,
    keepAlive,
    parked,
    sweepOrphans: createOrphanSweep({ store, vault, revoker, log }),
    runningUses,
    runners,
    refusals,
    signIns,
    selfCheck,
    rates,
    idempotency,
    keeper,
    uses,
    keyRotation,
    metrics,
  };
}
