import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Privilege } from '@mooring/contract/routes/data-connections';
import type { Caller } from '../../../core/access/caller.js';
import { decideForAll } from '../../../core/access/connection-access.js';
import { unknownConnection } from '../../../core/access/find-connection.js';
import { ownerlessOf } from '../../../core/access/owner-left.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import {
  credentialShownTo,
  credentialsShownTo,
  type ShownCredential,
} from '../../../core/credentials/resolve.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';
import { type ConnectionLookup, lookUp } from './lookup.js';

/** Everything that an answer about a connection is made from; the presenter decides which parts are sent. */
export interface PresentedConnection {
  row: ConnectionTable;
  manifest: SourceManifest;
  privileges: readonly Privilege[];
  credential?: ShownCredential;
  ownerLeft?: boolean;
}

interface PresentDependencies {
  store: Store;
  catalogue: Catalogue;
}

/** Connections in spaces that lost their embedded login together with their owner. */
function orphansOf(
  db: Queryable,
  rows: readonly ConnectionTable[],
  credentials: ReadonlyMap<string, ShownCredential>,
): Promise<ReadonlySet<ConnectionTable>> {
  const withoutLogin = rows.filter(
    (row) => row.separated === 0 && row.space_id !== null && !credentials.has(row.id),
  );
  return ownerlessOf(db, withoutLogin);
}

/** What the caller sees of a row, loaded at once for all rows. The function throws for a row of an unknown data source. */
export async function presenterFor(
  { store, catalogue }: PresentDependencies,
  caller: Caller,
  rows: readonly ConnectionTable[],
): Promise<(row: ConnectionTable) => PresentedConnection> {
  const decisions = await decideForAll(store.db, caller, rows);
  const credentials = await credentialsShownTo(store.db, caller, rows);
  const orphans = await orphansOf(store.db, rows, credentials);
  return (row) => {
    const credential = credentials.get(row.id);
    return {
      row,
      manifest: catalogue.get(row.source_id),
      privileges: decisions.get(row)?.privileges ?? [],
      ownerLeft: orphans.has(row),
      ...(credential ? { credential } : {}),
    };
  };
}

export async function present(
  deps: PresentDependencies,
  caller: Caller,
  row: ConnectionTable,
): Promise<PresentedConnection> {
  return (await presenterFor(deps, caller, [row]))(row);
}

/** @throws AppError NOT-FOUND also when the caller may use the connection but not read it */
export async function getPresented(
  { store, catalogue }: PresentDependencies,
  by: RevisedBy<'connection'>,
  lookup: ConnectionLookup,
): Promise<PresentedConnection> {
  const { row, privileges } = await lookUp({ store }, by, lookup);
  if (!privileges.includes('read')) throw unknownConnection();
  const credential = await credentialShownTo(store.db, by.caller.userId, row);
  const known = new Map(credential ? [[row.id, credential]] : []);
  return {
    row,
    manifest: catalogue.get(row.source_id),
    privileges,
    ownerLeft: (await orphansOf(store.db, [row], known)).has(row),
    ...(credential ? { credential } : {}),
  };
}
