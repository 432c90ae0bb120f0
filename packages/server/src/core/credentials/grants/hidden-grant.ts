import { Secret } from '@mooring/connectors/spec/secret';
import { hiddenClient } from '../../config/hidden-client.js';
import type { TokenSet } from '../../oauth/types.js';
import type { StoredGrant } from './grant-state.js';
import type { OAuthSetup } from './oauth-setup.js';

// What was sealed with its secrets in the clear, hidden again as it is opened.

/** A structure as it is sealed: what it hides is in the clear. */
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

export const hiddenSetup = ({ client, assertion, ...rest }: Plain<OAuthSetup>): OAuthSetup => ({
  ...rest,
  client: hiddenClient(client),
  ...(assertion ? { assertion: { ...assertion, privateKey: new Secret(assertion.privateKey) } } : {}),
});
