import type { Caller } from '../../../core/access/caller.js';
import { type AccessibleConnection, decideFor, spaceFacts } from '../../../core/access/connection-access.js';
import { grantIn } from '../../../core/access/matrix.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { rolesOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

/** What a PUT, a PATCH or a bulk update asks for; absent members stay as they are. */
export interface ConnectionUpdate {
  name?: string;
  tags?: string[];
  /** Null: the personal space of the owner. */
  spaceId?: string | null;
  ownerId?: string;
  /** The type that the request states for the space. */
  spaceType?: string;
  /** The whole of `connectionProperties`, as for a create; of the secrets only those that are new. */
  properties?: Record<string, unknown>;
  /** The connect statement differs, so an embedded credential must be sent again, whatever differs. */
  isRestated?: boolean;
  /** A separated credential of the caller to link; null unlinks. */
  credentialId?: string | null;
}

type Place = Pick<ConnectionTable, 'owner_id' | 'space_id'>;

export const placeAfter = (row: Place, { ownerId, spaceId }: ConnectionUpdate): Place => ({
  owner_id: ownerId ?? row.owner_id,
  space_id: spaceId === undefined ? row.space_id : spaceId,
});

/**
 * @param spaceId null: a personal space
 * @param isAdministrator may move connections to spaces without being a member
 * @throws AppError NOT-FOUND for a space that the caller may not know, ACCESS-DENIED without a role that may create
 */
export async function assertMayCreateIn(
  store: Store,
  caller: Caller,
  spaceId: string | null,
  isAdministrator = false,
): Promise<void> {
  if (spaceId === null) return;
  const space = await spaceFacts(store.db, caller, spaceId);
  if (space && isAdministrator) return;
  const isMember = space && (space.ownerId === caller.userId || space.rolesOfCaller.length > 0);
  if (!space || !isMember)
    throw new AppError('NOT-FOUND', 'space: there is no such space, or you are not a member of it.');
  if (!grantIn(caller, space).create)
    throw new AppError('ACCESS-DENIED', 'space: your roles in this space do not let you create connections.');
}

/** The new owner must be able to see the connection where it will be. */
async function assertNewOwner(store: Store, { tenantId }: Caller, place: Place): Promise<void> {
  const owner = await store.db
    .selectFrom('user')
    .select(['id', 'roles'])
    .where('id', '=', place.owner_id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  if (!owner) throw new AppError('NOT-FOUND', 'ownerId: there is no such user.');
  const user = { userId: owner.id, tenantId, roles: rolesOf(owner) };
  const { privileges } = await decideFor(store.db, user, place);
  if (!privileges.includes('read'))
    throw new AppError(
      'ACCESS-DENIED',
      'ownerId: this user has no role in the space of the connection and could not see it. Give them a role first, or move the connection to their personal space with an empty spaceId.',
    );
}

/** @throws InvalidRequest when the space has a different type than the request states */
async function assertSpaceType(store: Store, caller: Caller, spaceId: string | null, stated: string) {
  const space = spaceId === null ? { type: 'personal' } : await spaceFacts(store.db, caller, spaceId);
  if (space && space.type !== stated)
    throw invalidField('spaceType', `is ${stated}, and the space is ${space.type}`);
}

/** @throws InvalidRequest; AppError ACCESS-DENIED, NOT-FOUND for the first part that the caller may not update */
export async function assertMayUpdate(
  store: Store,
  caller: Caller,
  { row, privileges, mayUse }: AccessibleConnection,
  update: ConnectionUpdate,
): Promise<void> {
  const need = (privilege: 'update' | 'change_space' | 'change_owner', field: string) => {
    if (!privileges.includes(privilege))
      throw new AppError('ACCESS-DENIED', `${field}: you lack the privilege ${privilege}.`);
  };
  const isDefinition =
    update.name !== undefined || update.tags !== undefined || update.properties !== undefined;
  if (isDefinition) need('update', 'connection');
  if (update.credentialId !== undefined && !mayUse)
    throw new AppError(
      'ACCESS-DENIED',
      'qCredentialsID: your roles do not let you use data through this connection.',
    );
  const place = placeAfter(row, update);
  const isTransferred = place.owner_id !== row.owner_id;
  if (isTransferred) need('change_owner', 'owner');
  if (place.space_id !== row.space_id) {
    need('change_space', 'space');
    await assertMayCreateIn(store, caller, place.space_id, privileges.includes('change_owner'));
  }
  if (update.spaceType !== undefined) await assertSpaceType(store, caller, place.space_id, update.spaceType);
  if (isTransferred) await assertNewOwner(store, caller, place);
}
