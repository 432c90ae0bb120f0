import { Secret } from '@mooring/connectors/interface/secret';
import { hideAll } from '@mooring/connectors/kit/secret-fields';
import type { TokenSet } from '../../oauth/types.js';
import type { Queryable } from '../../store/queryable.js';
import { UnreadableError, type Vault } from '../../vault/envelope.js';
import type { ClientConfiguration } from '../grants/client-configuration.js';
import type { StoredGrant } from '../grants/grant-state.js';
import { hiddenConfiguration, hiddenGrant, hiddenTokens, type Plain } from '../grants/hidden-grant.js';
import { openField, type SignInRef } from './sign-in-store.js';

// Grants that are sealed with a sign-in: they have no owner yet, and are alive at their provider.

/** Waits for its user's choice. Holds what its revocation needs, whatever becomes of its connection and credential. */
export interface ParkedGrant {
  grant: StoredGrant;
  setup: ClientConfiguration;
  /** Login fields that came with the code. */
  login?: Readonly<Record<string, unknown>>;
}

/** Of a sign-in on another device: what a poll needs. Its tokens are sealed beside it. */
export interface DeviceSecrets {
  deviceCode: Secret<string>;
  setup: ClientConfiguration;
  /** As in `SignInRequest`. */
  isCoarse?: boolean;
}

export interface SealedGrant {
  setup: ClientConfiguration;
  tokens: TokenSet;
}

export function openedParked(text: Secret<string>): ParkedGrant {
  const { grant, setup, login, ...rest } = JSON.parse(text.reveal()) as Plain<ParkedGrant>;
  return {
    ...rest,
    grant: hiddenGrant(grant),
    setup: hiddenConfiguration(setup),
    ...(login ? { login: hideAll(login) } : {}),
  };
}

export function openedDevice(text: Secret<string>): DeviceSecrets {
  const { deviceCode, setup, ...rest } = JSON.parse(text.reveal()) as Plain<DeviceSecrets>;
  return { ...rest, deviceCode: new Secret(deviceCode), setup: hiddenConfiguration(setup) };
}

export const openedTokens = (text: Secret<string>): TokenSet =>
  hiddenTokens(JSON.parse(text.reveal()) as Plain<TokenSet>);

/**
 * The grant that would be lost with a sign-in, if there is one.
 * @throws UnreadableError
 */
export async function openSealedGrant(
  db: Queryable,
  vault: Vault,
  row: SignInRef,
): Promise<SealedGrant | undefined> {
  const parked = await openField(db, vault, row, 'grant');
  if (parked !== undefined) {
    const { setup, grant } = openedParked(parked);
    return { setup, tokens: grant.tokens };
  }
  const tokens = await openField(db, vault, row, 'tokens');
  const device = tokens === undefined ? undefined : await openField(db, vault, row, 'device');
  if (tokens === undefined || device === undefined) return undefined;
  return { setup: openedDevice(device).setup, tokens: openedTokens(tokens) };
}

/** As {@link openSealedGrant}; undefined also if it cannot be opened. */
export async function sealedGrantOf(
  db: Queryable,
  vault: Vault,
  row: SignInRef,
): Promise<SealedGrant | undefined> {
  try {
    return await openSealedGrant(db, vault, row);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
