import type { AccessTokens } from '../../../core/access/access-tokens.js';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Store } from '../../../core/store/store.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';

export interface OAuthTokensDependencies {
  store: Store;
  accessTokens: AccessTokens;
  authenticator: Authenticator;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}
