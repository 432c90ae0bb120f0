import type { Secret } from '@mooring/connectors/spec/secret';
import type { Clock } from '../../store/clock.js';
import type { CredentialRef } from './grant-records.js';
import type { StoredGrant } from './grant-state.js';

export interface TokenOptions {
  /** The token that the source refused. A newer one is returned without asking the provider again. */
  refused?: Secret<string>;
}

export interface TokenLife {
  /** @returns whether a grant needs no refresh */
  goodFor(credential: CredentialRef, options: TokenOptions): (grant: StoredGrant) => boolean;
  /** How long the source will still accept the token, to our knowledge: milliseconds. */
  leftMs(grant: StoredGrant, refused: Secret<string> | undefined): number;
}

const lifetimeAssumedMs = 3600_000;

/** Only the source can tell the end of a token that cannot be refreshed: a guess would cost the grant. */
const endOf = ({ tokens, issuedAt }: StoredGrant): number =>
  tokens.expiresAt ??
  (tokens.refreshToken === undefined ? Number.POSITIVE_INFINITY : issuedAt + lifetimeAssumedMs);

export function createTokenLife(clock: Clock): TokenLife {
  /** Differs by process, so that not all of them find one token due at the same moment. */
  const spread = Math.random();

  /** Refresh this long before the end: five minutes, or a fifth of a short life; up to a quarter less for some. */
  const marginMs = (grant: StoredGrant, credential: CredentialRef): number => {
    const place = (Number.parseInt(credential.id.slice(0, 4), 16) / 0xffff + spread) % 1;
    return Math.min(300_000, 0.2 * (endOf(grant) - grant.issuedAt)) * (0.75 + 0.25 * place);
  };

  return {
    goodFor:
      (credential, { refused }) =>
      (grant) =>
        !grant.tokens.accessToken.equals(refused) && endOf(grant) - marginMs(grant, credential) > clock.now(),
    leftMs: ({ tokens }, refused) =>
      tokens.accessToken.equals(refused) ? 0 : (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - clock.now(),
  };
}
