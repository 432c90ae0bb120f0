import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { Revoker } from '../../../core/credentials/grants.js';
import type { CredentialEntry } from '../../../core/credentials/records.js';
import type { Quotas } from '../../../core/rates/quotas.js';
import type { Store } from '../../../core/store/store.js';
import type { Vault } from '../../../core/vault/envelope.js';

export interface ConnectionDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  credentialEntry: CredentialEntry;
  revoker: Revoker;
  quotas: Quotas;
  publicUrl: () => string;
}
