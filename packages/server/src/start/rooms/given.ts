import type { Logger } from 'pino';
import type { Config } from '../../core/config/config.js';
import type { Store } from '../../core/store/store.js';
import type { Vault } from '../../core/vault/envelope.js';
import type { StoredKeyring } from '../../core/vault/stored-keyring.js';
import type { Check } from '../../web/features/platform/platform-feature.js';

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

export interface Given extends AppDependencies {
  /** The store's clock, for everything that is judged by time. */
  now: () => Date;
}
