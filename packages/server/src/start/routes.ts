import type { Echo } from '../core/self-check/echo.js';
import type { SelfCheck } from '../core/self-check/self-check.js';
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
import { createPlatformFeature } from '../web/features/platform/platform-feature.js';
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
import type { Metrics } from './metrics.js';
import type { Rooms } from './rooms.js';

type Answering = Rooms & { metrics: Metrics; echo: Echo; selfCheck: SelfCheck };

/** Running the service. */
function operationRoutes(rooms: Answering): BoundRoute[] {
  const { config, store, publicUrl, authenticator, guesses } = rooms;
  return [
    ...createPlatformFeature({
      ...{ store, publicUrl, echo: rooms.echo, checks: rooms.checks, metricsText: rooms.metrics.text },
      authenticate: (token) => authenticator.authenticate(token),
      wrongToken: guesses.failed,
      ...{ trustedProxies: config.trustedProxies, hasPublicUrl: config.hasPublicUrl },
    }),
    ...createVaultKeysFeature({ keyRotation: rooms.keyRotation }),
    ...createAuditsFeature({ store, publicUrl, days: config.limits.auditDays }),
    ...createSelfCheckFeature({ selfCheck: rooms.selfCheck }),
  ];
}

/** Users, what lets them in, and spaces. */
function accessRoutes(rooms: Answering): BoundRoute[] {
  const { config, store, publicUrl, hashToken, authenticator, guesses, accessTokens, offboarding } = rooms;
  return [
    ...createUsersFeature({
      ...{ store, authenticator, offboarding, publicUrl, readSeconds: config.limits.readSeconds },
    }),
    ...createApiKeysFeature({ store, authenticator, hashToken, publicUrl }),
    ...createInvitationsFeature({ store, guesses, hashToken, publicUrl }),
    ...createOAuthClientsFeature({ store, authenticator, hashToken, offboarding, publicUrl }),
    ...createOAuthTokensFeature({
      ...{ store, accessTokens, authenticator, guesses, hashToken, publicUrl },
    }),
    ...createSpacesFeature({ store, quotas: rooms.quotas, publicUrl }),
  ];
}

/** Data sources and connections to them. */
function connectionRoutes(rooms: Answering): BoundRoute[] {
  const { store, vault, publicUrl, catalogue, credentialEntry, revoker, quotas } = rooms;
  return [
    ...createCatalogueFeature({
      ...{ catalogue, settings: rooms.sourceSettings, publicUrl, startedAt: store.clock.iso() },
    }),
    ...createEndpointsFeature({ store, catalogue, publicUrl }),
    ...createConnectionsFeature({ store, vault, catalogue, credentialEntry, revoker, quotas, publicUrl }),
  ];
}

function credentialRoutes(rooms: Answering): BoundRoute[] {
  const { config, store, vault, publicUrl, catalogue, credentialEntry, logins, revoker } = rooms;
  const { sessions, runningUses, uses, destinationRefused, arrivals, renewals, parked, signIns } = rooms;
  return [
    ...createConnectionCredentialFeature({
      ...{ store, vault, catalogue, credentialEntry, destinationRefused },
      testSeconds: config.limits.testSeconds,
    }),
    ...createCredentialsFeature({ store, catalogue, credentialEntry, logins, revoker, publicUrl }),
    ...createCredentialChangesFeature({
      ...{ store, logins, catalogue, sessions, runningUses, uses, config, destinationRefused },
    }),
    ...createRevocationsFeature({ store, revoker, jobs: rooms.revocationJobs, publicUrl }),
    ...createSignInsFeature({ store, catalogue, arrivals, renewals, parked, signIns, publicUrl }),
  ];
}

/** Uses, and the record of them. */
function useRoutes(rooms: Answering): BoundRoute[] {
  const { config, log, store, vault, publicUrl, catalogue, resolver, credentialEntry } = rooms;
  const { sessions, runningUses, uses, refusals, destinationRefused, signInRefused } = rooms;
  return [
    ...createUseFeature({
      ...{ store, vault, catalogue, resolver, credentialEntry, sessions, runningUses, uses, log, config },
      ...{ refusals, destinationRefused, signInRefused },
    }),
    ...createUsesFeature({
      ...{ store, keeper: rooms.keeper, publicUrl, testSeconds: config.limits.testSeconds },
    }),
  ];
}

/** Every route of the contract, tied to the rooms that answer it. */
export const routesOf = (rooms: Answering): BoundRoute[] =>
  withNewerDoor([
    ...operationRoutes(rooms),
    ...accessRoutes(rooms),
    ...connectionRoutes(rooms),
    ...credentialRoutes(rooms),
    ...useRoutes(rooms),
  ]);
