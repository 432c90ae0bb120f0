import { createAccessTokens } from '../../core/access/access-tokens.js';
import { createAuthenticator } from '../../core/access/authenticate.js';
import { createSigningKeys } from '../../core/access/signing-key.js';
import { createFoldedRefusals } from '../../core/audit/folded-refusals.js';
import { createRefusalRecord } from '../../core/audit/refused-destinations.js';
import { createRefusedSignIns } from '../../core/audit/refused-sign-ins.js';
import { createIdempotency } from '../../core/idempotency/idempotency.js';
import { contextOfIdempotentRequest } from '../../core/idempotency/kept-answer.js';
import { recordDropped } from '../../core/opening/unreadable-records.js';
import { createGuessGuard } from '../../core/rates/guess-guard.js';
import { createQuotas } from '../../core/rates/quotas.js';
import { createRateTiers } from '../../core/rates/rate-tiers.js';
import { createKeyRotation } from '../../core/vault/key-rotation.js';
import { createOwnSecrets } from '../../core/vault/own-secrets.js';
import type { Given } from './given.js';

export type AccessRooms = ReturnType<typeof accessRooms>;

/** Who calls, how often, what is recorded of refusals; the keys of the vault. */
export function accessRooms({ config, log, store, vault, keyring, publicUrl }: Given) {
  const { clock, db } = store;
  const { hashToken } = keyring;
  const refusals = createFoldedRefusals(db, log, clock.now);
  const signingKeys = createSigningKeys(createOwnSecrets({ store, vault, recordDropped }));
  const accessTokens = createAccessTokens(signingKeys, publicUrl, clock.now);
  return {
    accessTokens,
    hashToken,
    authenticator: createAuthenticator({ db, accessTokens, hashToken, clock }),
    guesses: createGuessGuard(clock.now),
    quotas: createQuotas(db, config.quotas),
    /** Absent when requests are not limited. */
    rates:
      config.rateLimits === 'off'
        ? undefined
        : createRateTiers({ store, clock, limits: config.rateLimits, log }),
    idempotency: createIdempotency({
      ...{ db, clock, vault, log },
      bytesPerUser: config.quotas.idempotentBytesPerUser,
    }),
    keyRotation: createKeyRotation({
      ...{ store, vault, keyring, log },
      contextOfRequest: contextOfIdempotentRequest,
    }),
    refusals,
    destinationRefused: createRefusalRecord(refusals, log),
    signInRefused: createRefusedSignIns(refusals, log),
  };
}
