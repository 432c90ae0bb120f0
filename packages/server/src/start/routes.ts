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
import { withConnectivityRoutes } from '../web/http/connectivity-routes.js';
import type { BoundRoute } from '../web/http/handler.js';
import type { Metrics } from './metrics.js';
import type { Rooms } from './rooms.js';

type Answering = Rooms & { metrics: Metrics; echo: Echo; selfCheck: SelfCheck };

/** Every route of the contract. Each feature names the rooms that it needs, and gets all of them. */
export function routesOf(rooms: Answering): BoundRoute[] {
  const { store, authenticator, guesses, metrics } = rooms;
  const { trustedProxies, hasPublicUrl, limits } = rooms.config;
  const { auditDays: days, readSeconds, testSeconds } = limits;
  return withConnectivityRoutes([
    ...createPlatformFeature({
      ...{ ...rooms, trustedProxies, hasPublicUrl, metricsText: metrics.text, wrongToken: guesses.failed },
      authenticate: (token) => authenticator.authenticate(token),
    }),
    ...createVaultKeysFeature(rooms),
    ...createAuditsFeature({ ...rooms, days }),
    ...createSelfCheckFeature(rooms),
    ...createUsersFeature({ ...rooms, readSeconds }),
    ...createApiKeysFeature(rooms),
    ...createInvitationsFeature(rooms),
    ...createOAuthClientsFeature(rooms),
    ...createOAuthTokensFeature(rooms),
    ...createSpacesFeature(rooms),
    ...createCatalogueFeature({ ...rooms, startedAt: store.clock.iso() }),
    ...createEndpointsFeature(rooms),
    ...createConnectionsFeature(rooms),
    ...createConnectionCredentialFeature({ ...rooms, testSeconds }),
    ...createCredentialsFeature(rooms),
    ...createCredentialChangesFeature(rooms),
    ...createRevocationsFeature(rooms),
    ...createSignInsFeature(rooms),
    ...createUseFeature(rooms),
    ...createUsesFeature({ ...rooms, testSeconds }),
  ]);
}
