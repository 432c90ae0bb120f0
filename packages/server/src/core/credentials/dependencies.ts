import type { Network } from '@mooring/connectors/interface/network';
import type { Logger } from 'pino';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Config } from '../config/config.js';
import type { Store } from '../store/store.js';
import type { Vault } from '../vault/envelope.js';

export type OperatorsClients = Config['oauth']['clients'];

/** What the parts of this room work with. Each picks what it uses. */
export interface CredentialDependencies {
  store: Store;
  vault: Vault;
  /** Of the gate. */
  network: Network;
  catalogue: Catalogue;
  clients: OperatorsClients;
  log: Logger;
}
