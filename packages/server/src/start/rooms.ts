import { createRetries } from '@mooring/connectors/kit/retries';
import { manifests } from '@mooring/connectors/registry';
import type { Logger } from 'pino';
import { createAccessTokens } from '../core/access/access-tokens.js';
import { createAuthenticator } from '../core/access/authenticate.js';
import { createSigningKeys } from '../core/access/signing-key.js';
import { createFoldedRefusals } from '../core/audit/folded-refusals.js';
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
} from '../core/credentials/grants.js';
import {
  createCredentialEntry,
  createLoginUpdates,
  createOffboarding,
  createOrphanSweep,
} from '../core/credentials/records.js';
import { configurationOfCredential, createOpenForUse } from '../core/credentials/resolve.js';
import {
  createArrivals,
  createParkedGrants,
  createRenewals,
  createSignIns,
} from '../core/credentials/sign-ins.js';
import { createGate } from '../core/egress/gate.js';
import { createPolicy } from '../core/egress/policy.js';
import { createIdempotency } from '../core/idempotency/idempotency.js';
import { contextOfIdempotentRequest } from '../core/idempotency/kept-answer.js';
import { createIsolation } from '../core/isolation/isolation.js';
import { usesAtOnce, waitingAtOnce } from '../core/isolation/open-files.js';
import { recordDropped } from '../core/opening/unreadable-records.js';
import { createGuessGuard } from '../core/rates/guess-guard.js';
import { createQuotas } from '../core/rates/quotas.js';
import { createRateTiers } from '../core/rates/rate-tiers.js';
import { createRunnerPool } from '../core/runners/pool.js';
import { executeInRunners } from '../core/runners/remote-work.js';
import { executeHere } from '../core/sessions/execute.js';
import { createRunningUses } from '../core/sessions/running-uses.js';
import { createSessions } from '../core/sessions/sessions.js';
import type { Store } from '../core/store/store.js';
import type { ConnectionTable, CredentialTable } from '../core/store/tables.js';
import { createRecordKeeper } from '../core/usage-log/keeper.js';
import { createUseLog } from '../core/usage-log/log.js';
import type { Vault } from '../core/vault/envelope.js';
import { createKeyRotation } from '../core/vault/key-rotation.js';
import { createOwnSecrets } from '../core/vault/own-secrets.js';
import type { StoredKeyring } from '../core/vault/stored-keyring.js';
import type { Check } from '../web/features/platform/platform-feature.js';

/** What a start has opened and read before it connects the rooms. */
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
  /** Entry point of runners; absent: the bundled one beside this program. */
  runnerEntry?: string | undefined;
}

/** Data sources, and the network policy. */
function sourceRooms({ config, log, store }: AppDependencies) {
  const { egress, isOfThisMachine } = config;
  const egressOf = (spaceId: string | null) => ({
    ...{ loopback: egress.loopback, isOfThisMachine },
    allow: [...egress.allow, ...(egress.spaces[spaceId ?? ''] ?? [])],
  });
  const inSpaces = Object.keys(egress.spaces).map(
    (spaceId) => [spaceId, createPolicy(egressOf(spaceId))] as const,
  );
  const gate = createGate({
    policy: createPolicy(egressOf(null)),
    inSpaces: new Map(inSpaces),
    onRefused: (refusal) => log.warn(refusal, 'egress refused'),
  });
  const sourceSettings = createSourceSettings(store);
  const catalogue = createCatalogue(manifests, sourceSettings, config.sources);
  return { egressOf, gate, sourceSettings, catalogue };
}

/** Callers, rate limits, audited refusals, vault keys. */
function accessRooms({ config, log, store, vault, keyring, publicUrl }: AppDependencies) {
  const { clock, db } = store;
  const { hashToken } = keyring;
  const refusals = createFoldedRefusals(db, log, clock.now);
  const signingKeys = createSigningKeys(createOwnSecrets({ store, vault, recordDropped }));
  const accessTokens = createAccessTokens(signingKeys, publicUrl, clock.now);
  const { rateLimits: limits, quotas } = config;
  return {
    accessTokens,
    hashToken,
    authenticator: createAuthenticator({ db, changes: store.changes, accessTokens, hashToken, clock }),
    guesses: createGuessGuard(clock.now),
    quotas: createQuotas(db, quotas),
    /** Absent when requests are not limited. */
    rates: limits === 'off' ? undefined : createRateTiers({ store, clock, limits, log }),
    idempotency: createIdempotency({ db, clock, vault, log, bytesPerUser: quotas.idempotentBytesPerUser }),
    keyRotation: createKeyRotation({
      ...{ store, vault, keyring, log },
      contextOfRequest: contextOfIdempotentRequest,
    }),
    refusals,
    destinationRefused: createRefusalRecord(refusals, log),
    signInRefused: createRefusedSignIns(refusals, log),
  };
}

type BelowCredentials = AppDependencies & ReturnType<typeof sourceRooms> & ReturnType<typeof accessRooms>;

/** Credentials: entry, opening, refresh and end. */
function credentialRooms(needed: BelowCredentials) {
  const { config, log, store, vault, keyring, publicUrl, catalogue, quotas, gate: network } = needed;
  const { clients } = config.oauth;
  const { signInMinutes, testSeconds: coarseSeconds } = config.limits;
  const revoker = createRevoker({ store, vault, network, catalogue, clients, log });
  const grants = createGrants({
    ...{ store, vault, network, revokeTokens: revoker.revokeTokens, log, clock: store.clock },
    ...{ ownVault: keyring.ownVault, dataFolder: config.dataFolder },
  });
  const configurationOf = (credential: CredentialTable, connection?: ConnectionTable) =>
    configurationOfCredential(store.db, { vault, catalogue, clients }, credential, connection);
  const parked = createParkedGrants({ store, vault, revoker, signInMinutes });
  const signIns = createSignIns({
    ...{ parked, revoker, store, vault, network, log, publicUrl, signInMinutes, coarseSeconds },
  });
  return {
    revoker,
    grants,
    parked,
    signIns,
    keepAlive: createKeepAlive({ store, grants, configurationOf, log }),
    openForUse: createOpenForUse({ store, vault, grants, clients }),
    renewals: createRenewals({ store, vault, network, log, parked, revoker, coarseSeconds, configurationOf }),
    credentialEntry: createCredentialEntry({ store, vault, signIns, revoker, network, clients, quotas }),
    logins: createLoginUpdates({ store, vault }),
    arrivals: createArrivals({ store, vault }),
    /** One round of looking for what is sealed without its record. */
    sweepOrphans: createOrphanSweep({ store, vault, revoker, log }),
  };
}

type BelowUses = BelowCredentials & ReturnType<typeof credentialRooms>;

/** Uses: where they run, what ends them, and their log. */
function useRooms(needed: BelowUses) {
  const { config, log, store, vault, gate, egressOf, revoker } = needed;
  const { limits } = config;
  const isolation = createIsolation({ limits, usesMax: usesAtOnce, waitingMax: waitingAtOnce });
  const retries = createRetries();
  const runners =
    config.runners === 0
      ? undefined
      : createRunnerPool({
          ...{ entry: needed.runnerEntry, log, retries, onRefused: gate.noteRefusal },
          runnersMax: config.runners === 'auto' ? undefined : config.runners,
          runnerMemoryMb: limits.runnerMemory,
          runnersMemoryMb: limits.runnersMemory,
          waitSeconds: limits.waitSeconds,
        });
  const execute = runners ? executeInRunners(runners, egressOf) : executeHere(gate, retries);
  const runningUses = createRunningUses({ store, isKeyAlive: needed.authenticator.isAlive });
  const revocationJobs = createRevocationJobs({ store, revoker, log, onEnded: runningUses.look });
  const keeper = createRecordKeeper({ store, vault, log });
  return {
    isolation,
    /** Absent where uses run in this process. */
    runners,
    sessions: createSessions({ execute, isolation, settings: config.sources }),
    runningUses,
    revocationJobs,
    offboarding: createOffboarding({ revoker, jobs: revocationJobs, clock: store.clock }),
    keeper,
    uses: createUseLog({ store, keeper, signInRefused: needed.signInRefused, log }),
  };
}

export type Rooms = ReturnType<typeof createRooms>;

/** The rooms of the core, each made of those below it. */
export function createRooms(given: AppDependencies) {
  const belowCredentials = { ...given, ...sourceRooms(given), ...accessRooms(given) };
  const belowUses = { ...belowCredentials, ...credentialRooms(belowCredentials) };
  return { ...belowUses, ...useRooms(belowUses) };
}
