import { createRetries } from '@mooring/connectors/kit/retries';
import { manifests } from '@mooring/connectors/registry';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createAccessTokens } from '../core/access/access-tokens.js';
import { type Authenticator, createAuthenticator } from '../core/access/authenticate.js';
import { createSigningKeys } from '../core/access/signing-key.js';
import { createFoldedRefusals, type FoldedRefusals } from '../core/audit/folded-refusals.js';
import { createRefusalRecord } from '../core/audit/refused-destinations.js';
import { createRefusedSignIns } from '../core/audit/refused-sign-ins.js';
import { createCatalogue } from '../core/catalogue/catalogue.js';
import { createSourceSettings } from '../core/catalogue/source-settings.js';
import type { Config } from '../core/config/config.js';
import {
  createGrants,
  createKeepAlive,
  createRevocationJobs,
  createRevoker,
  type Grants,
  type KeepAlive,
  type RevocationJobs,
  type Revoker,
} from '../core/credentials/grants.js';
import {
  createCredentialEntry,
  createLoginUpdates,
  createOffboarding,
  createOrphanSweep,
} from '../core/credentials/records.js';
import { configurationOfCredential, createCredentialResolver } from '../core/credentials/resolve.js';
import {
  createArrivals,
  createParkedGrants,
  createRenewals,
  createSignIns,
  type ParkedGrants,
  type SignIns,
} from '../core/credentials/sign-ins.js';
import { createGate } from '../core/egress/gate.js';
import { createPolicy } from '../core/egress/policy.js';
import { createIdempotency, type Idempotency } from '../core/idempotency/idempotency.js';
import { contextOfIdempotentRequest } from '../core/idempotency/kept-answer.js';
import { createIsolation } from '../core/isolation/isolation.js';
import { connectionsAtOnce, usesAtOnce, waitingAtOnce } from '../core/isolation/open-files.js';
import { recordDropped } from '../core/opening/unreadable-records.js';
import { createGuessGuard } from '../core/rates/guess-guard.js';
import { createQuotas } from '../core/rates/quotas.js';
import { createRateTiers, type RateTiers } from '../core/rates/rate-tiers.js';
import { createRunnerPool, type RunnerPool } from '../core/runners/pool.js';
import { executeInRunners } from '../core/runners/remote-work.js';
import { createEcho } from '../core/self-check/echo.js';
import { createSelfCheck, type SelfCheck } from '../core/self-check/self-check.js';
import { executeHere } from '../core/sessions/execute.js';
import { createRunningUses, type RunningUses } from '../core/sessions/running-uses.js';
import { createSessions } from '../core/sessions/sessions.js';
import type { Store } from '../core/store/store.js';
import type { ConnectionTable, CredentialTable } from '../core/store/tables.js';
import { createRecordKeeper, type RecordKeeper } from '../core/use-record/keeper.js';
import { createUseLog, type UseLog } from '../core/use-record/log.js';
import type { Vault } from '../core/vault/envelope.js';
import { createKeyRotation, type KeyRotation } from '../core/vault/key-rotation.js';
import { createOwnSecrets } from '../core/vault/own-secrets.js';
import type { StoredKeyring } from '../core/vault/stored-keyring.js';
import { createApiKeysFeature } from '../web/features/api-keys/api-keys-feature.js';
import { createAuditsFeature } from '../web/features/audits/audits-feature.js';
import { createCatalogueFeature } from '../web/features/catalogue/catalogue-feature.js';
import { createConnectionCredentialFeature } from '../web/features/connection-credential/connection-credential-feature.js';
import { createConnectionsFeature } from '../web/features/connections/connections-feature.js';
import { createCredentialChangesFeature } from '../web/features/credential-changes/credential-changes-feature.js';
import { createCredentialsFeature } from '../web/features/credentials/credentials-feature.js';
import { createEndpointsFeature } from '../web/features/endpoints/endpoints-feature.js';
import { createInvitationsFeature } from '../web/features/invitations/invitations-feature.js';
import { createOAuthClientsFeature } from '../web/features/oauth-clients/oauth-clients-feature.js';
import { createOAuthTokensFeature } from '../web/features/oauth-tokens/oauth-tokens-feature.js';
import { registerDocs } from '../web/features/platform/docs.js';
import { type Check, createPlatformFeature } from '../web/features/platform/platform-feature.js';
import { createRevocationsFeature } from '../web/features/revocations/revocations-feature.js';
import { createSelfCheckFeature } from '../web/features/self-check/self-check-feature.js';
import { createSignInsFeature } from '../web/features/sign-ins/sign-ins-feature.js';
import { createSpacesFeature } from '../web/features/spaces/spaces-feature.js';
import { createUseFeature } from '../web/features/use/use-feature.js';
import { createUsersFeature } from '../web/features/users/users-feature.js';
import { createUsesFeature } from '../web/features/uses/uses-feature.js';
import { createVaultKeysFeature } from '../web/features/vault-keys/vault-keys-feature.js';
import type { BoundRoute } from '../web/http/handler.js';
import { withNewerDoor } from '../web/http/newer-door.js';
import { createHttpServer } from '../web/http/server.js';
import { createMetrics, type Metrics } from './metrics.js';

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
  const sourceSettings = createSourceSettings(store);
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
  const authenticator = createAuthenticator({ db: store.db, accessTokens, hashToken, clock: store.clock });
  const idempotency = createIdempotency({
    ...{ db: store.db, clock: store.clock, vault, log },
    bytesPerUser: config.quotas.idempotentBytesPerUser,
  });
  const contextOfRequest = contextOfIdempotentRequest;
  const keyRotation = createKeyRotation({ store, vault, keyring, log, contextOfRequest });
  const guesses = createGuessGuard(store.clock.now);
  const rates =
    config.rateLimits === 'off'
      ? undefined
      : createRateTiers({ store, clock: store.clock, limits: config.rateLimits, log });
  const revoker = createRevoker({ store, vault, network: gate, catalogue, clients, log });
  const { revokeTokens } = revoker;
  const grants = createGrants({
    ...{ store, vault, network: gate, revokeTokens, log, clock: store.clock },
    ownVault: keyring.ownVault,
    dataFolder: config.dataFolder,
  });
  const configurationOf = (credential: CredentialTable, connection?: ConnectionTable) =>
    configurationOfCredential(store.db, { vault, catalogue, clients }, credential, connection);
  const keepAlive = createKeepAlive({ store, grants, configurationOf, log });
  const resolver = createCredentialResolver({ store, vault, grants, clients });
  const { signInMinutes, testSeconds: coarseSeconds } = config.limits;
  const parked = createParkedGrants({ store, vault, revoker, signInMinutes });
  const renewals = createRenewals({
    ...{ store, vault, network: gate, log, parked, revoker, coarseSeconds, configurationOf },
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
  });
  const credentialEntry = createCredentialEntry({
    store,
    vault,
    signIns,
    revoker,
    network: gate,
    clients,
    quotas,
  });
  const logins = createLoginUpdates({ store, vault });
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
  const offboarding = createOffboarding({ revoker, jobs: revocationJobs, clock: store.clock });
  const signInRefused = createRefusedSignIns(refusals, log);
  const keeper = createRecordKeeper({ store, vault, log });
  const uses = createUseLog({ store, keeper, signInRefused, log });
  const arrivals = createArrivals({ store, vault });
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
      ...{ store, authenticator, offboarding, publicUrl },
      readSeconds: config.limits.readSeconds,
    }),
    ...createApiKeysFeature({ store, authenticator, hashToken, publicUrl, now }),
    ...createInvitationsFeature({ store, guesses, hashToken, publicUrl }),
    ...createOAuthClientsFeature({ store, authenticator, hashToken, offboarding, publicUrl }),
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
    ...createConnectionsFeature({ store, vault, catalogue, credentialEntry, revoker, quotas, publicUrl }),
    ...createConnectionCredentialFeature({
      ...{ store, vault, catalogue, credentialEntry, destinationRefused },
      testSeconds: config.limits.testSeconds,
    }),
    ...createCredentialsFeature({ store, catalogue, credentialEntry, logins, revoker, publicUrl }),
    ...createCredentialChangesFeature({
      store,
      logins,
      catalogue,
      sessions,
      runningUses,
      uses,
      config,
      destinationRefused,
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
      resolver,
      credentialEntry,
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
