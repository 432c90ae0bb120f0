import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Caller } from '../../../core/access/caller.js';
import { type AccessibleConnection, decideFor } from '../../../core/access/connection-access.js';
import { ownerlessOf } from '../../../core/access/owner-left.js';
import { nameKey } from '../../../core/credentials/records.js';
import { credentialShownTo, type ShownCredential } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionDependencies } from './connection-dependencies.js';

/** Everything that an answer about a connection is made from; the presenter selects the members. */
export interface PresentedConnection extends Pick<AccessibleConnection, 'row' | 'privileges'> {
  manifest: SourceManifest;
  credential: ShownCredential | undefined;
  ownerLeft: boolean;
}

/** Connections in spaces that lost their embedded login together with their owner. */
export const orphansOf = (
  db: Queryable,
  rows: readonly ConnectionTable[],
  hasCredential: (row: ConnectionTable) => boolean,
): Promise<ReadonlySet<ConnectionTable>> =>
  ownerlessOf(
    db,
    rows.filter((row) => row.separated === 0 && row.space_id !== null && !hasCredential(row)),
  );

/** For a connection that was loaded with the caller's privileges. */
export async function presentFound(
  { store, catalogue }: ConnectionDependencies,
  caller: Caller,
  { row, privileges }: Pick<AccessibleConnection, 'row' | 'privileges'>,
): Promise<PresentedConnection> {
  const credential = await credentialShownTo(store.db, caller.userId, row);
  const orphans = await orphansOf(store.db, [row], () => credential !== undefined);
  const manifest = catalogue.get(row.source_id);
  return { row, manifest, privileges, credential, ownerLeft: orphans.has(row) };
}

export async function present(
  deps: ConnectionDependencies,
  caller: Caller,
  row: ConnectionTable,
): Promise<PresentedConnection> {
  const { privileges } = await decideFor(deps.store.db, caller, row);
  return presentFound(deps, caller, { row, privileges });
}

/**
 * The credential that a request asks to show a connection with: the embedded one of the connection, or a separated
 * one of the caller for the same data source. It is shown, not linked.
 * @param wanted id or name
 * @throws AppError NOT-FOUND, the same for unknown credentials and those of other users
 */
export async function chosenCredential(
  db: Queryable,
  caller: Caller,
  { row, credential }: PresentedConnection,
  wanted: { id: string } | { name: string },
): Promise<ShownCredential> {
  const column = 'name' in wanted ? 'name_key' : 'id';
  const value = 'name' in wanted ? nameKey(wanted.name) : wanted.id.toLowerCase();
  const shown = credential && { id: credential.id, name_key: nameKey(credential.name) }[column];
  const embedded = shown === value ? credential : undefined;
  const found =
    row.separated === 0
      ? embedded
      : await db
          .selectFrom('credential')
          .select(['id', 'name'])
          .where('tenant_id', '=', caller.tenantId)
          .where('owner_id', '=', caller.userId)
          .where('source_id', '=', row.source_id)
          .where('separated', '=', 1)
          .where(column, '=', value)
          .executeTakeFirst();
  if (!found)
    throw new AppError('NOT-FOUND', 'credentialId: you have no such credential for this connection.');
  return found;
}
