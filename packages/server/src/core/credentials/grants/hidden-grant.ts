import { Secret } from '@mooring/connectors/interface/secret';
import { hiddenClient } from '../../config/hidden-client.js';
import type { TokenSet } from '../../oauth/types.js';
import type { ClientConfiguration } from './client-configuration.js';
import type { StoredGrant } from './grant-state.js';

// Wraps the secrets of opened values in `Secret` again: sealed values hold them as plain strings.

/** A value as it is sealed, its secrets as plain strings. */
export type Plain<Value> =
  Value extends Secret<infer Held>
    ? Plain<Held>
    : Value extends RegExp | readonly unknown[]
      ? Value
      : Value extends object
        ? { [Member in keyof Value]: Plain<Value[Member]> }
        : Value;

export const hiddenTokens = ({ accessToken, refreshToken, ...rest }: Plain<TokenSet>): TokenSet => ({
  ...rest,
  accessToken: new Secret(accessToken),
  ...(refreshToken === undefined ? {} : { refreshToken: new Secret(refreshToken) }),
});

export const hiddenGrant = ({ tokens, ...rest }: Plain<StoredGrant>): StoredGrant => ({
  ...rest,
  tokens: hiddenTokens(tokens),
});

export const hiddenConfiguration = ({
  client,
  assertion,
  ...rest
}: Plain<ClientConfiguration>): ClientConfiguration => ({
  ...rest,
  client: hiddenClient(client),
  ...(assertion ? { assertion: { ...assertion, privateKey: new Secret(assertion.privateKey) } } : {}),
});
