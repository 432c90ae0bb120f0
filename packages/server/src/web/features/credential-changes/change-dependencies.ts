import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { Config } from '../../../core/config/config.js';
import type { LoginUpdates } from '../../../core/credentials/records.js';
import type { RunningUses } from '../../../core/sessions/running-uses.js';
import type { Sessions } from '../../../core/sessions/sessions.js';
import type { Store } from '../../../core/store/store.js';
import type { UseLog } from '../../../core/usage-log/log.js';

export interface CredentialChangesDependencies {
  store: Store;
  logins: LoginUpdates;
  config: Config;
  catalogue: Catalogue;
  sessions: Sessions;
  runningUses: RunningUses;
  uses: UseLog;
  destinationRefused: RecordRefusedDestination;
}
