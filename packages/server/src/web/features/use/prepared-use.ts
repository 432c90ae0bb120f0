import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Logger } from 'pino';
import type { Caller } from '../../../core/access/caller.js';
import type { FoldedRefusals } from '../../../core/audit/folded-refusals.js';
import type { RecordRefusedDestination } from '../../../core/audit/refused-destinations.js';
import type { RecordRefusedSignIn } from '../../../core/audit/refused-sign-ins.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import type { Config } from '../../../core/config/config.js';
import type { CredentialEntry } from '../../../core/credentials/records.js';
import type { OpenForUse } from '../../../core/credentials/resolve.js';
import type { RunningUses, WatchedUse } from '../../../core/sessions/running-uses.js';
import type { Entry, SessionRequest, Sessions } from '../../../core/sessions/sessions.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { UseLog, UseTicket } from '../../../core/usage-log/log.js';
import type { Vault } from '../../../core/vault/envelope.js';

export interface UseDependencies {
  store: Store;
  vault: Vault;
  catalogue: Catalogue;
  openForUse: OpenForUse;
  credentialEntry: CredentialEntry;
  sessions: Sessions;
  runningUses: RunningUses;
  uses: UseLog;
  log: Logger;
  config: Config;
  refusals: FoldedRefusals;
  destinationRefused: RecordRefusedDestination;
  signInRefused: RecordRefusedSignIn;
}

/** A connection that the caller may use. */
export interface UsableConnection {
  connection: ConnectionTable;
  manifest: SourceManifest;
  mayEdit: boolean;
}

/** A use that may go ahead: the caller's right was checked, and the use is in the usage log. */
export interface PreparedUse extends UsableConnection {
  caller: Caller;
  /** Definition of the connection. */
  properties: Readonly<Record<string, unknown>>;
  login: SessionRequest['login'];
  ticket: UseTicket;
  /** The credential belongs to the caller, not to the connection. */
  isOwnLogin: boolean;
  /** For users who may not edit the connection: the source must have accepted the sign-in within this time. */
  provenWithinMs?: number;
  entry: Entry;
  /** As `Grants.assertAlive`; undefined without a grant. */
  assertAlive: (() => Promise<void>) | undefined;
  /** Aborted when the caller loses the right to the use. `ticket.finish` ends the watch. */
  watch: WatchedUse;
}
