import type { Caller } from '../../../core/access/caller.js';
import { type AccessibleConnection, decideFor } from '../../../core/access/connection-access.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { rolesOf } from '../../../core/store/decoded-rows.js';
import type { Store } from '../../../core/store/store.js';
import type { ConnectionTable } from '../../../core/store/tables.js';
import type { ConnectionUpdate } from './connection-update.js';
import { assertMayCreateIn } from './may-create.js';

type Place = Pick<ConnectionTable, 'owner_id' | 'space_id'>;

const placeAfter = (row: Place, { ownerId, spaceId }: ConnectionUpdate): Place => ({
  owner_id: ownerId ?? row.owner_id,
  space_id: spaceId === undefined ? row.space_id : spaceId,
});

/** The new owner must be able to see the connection in its new place. */
async function assertNewOwner(store: Store, caller: Caller, place: Place): Promise<void> {
  const owner = await store.db
    .selectFrom('user')
    .select(['id', 'roles'])
    .where('id', '=', place.owner_id)
    .where('tenant_id', '=', caller.tenantId)
    .executeTakeFirst();
  if (!owner) throw new AppError('NOT-FOUND', 'ownerId: there is no such user.');
  const roles = rolesOf(owner);
  const { privileges } = await decideFor(
    store.db,
    { userId: owner.id, tenantId: caller.tenantId, roles },
    place,
  );
  if (!privileges.includes('read'))
    throw new AppError(
      'ACCESS-DENIED',
      'ownerId: this user has no role in the space of the connection and could not see it. Give them a role first, or move the connection to their personal space with an empty spaceId.',
    );
}

/** @throws InvalidRequest when the space has a different type than the request states */
async function assertSpaceType(store: Store, caller: Caller, place: Place, stated: string): Promise<void> {
  const space =
    place.space_id === null
      ? { type: 'personal' }
      : await store.db
          .selectFrom('space')
          .select('type')
          .where('id', '=', place.space_id)
          .where('tenant_id', '=', caller.tenantId)
          .executeTakeFirst();
  if (space && space.type !== stated)
    throw new InvalidRequest([
      { field: 'spaceType', message: `is ${stated}, and the space is ${space.type}` },
    ]);
}

/** @throws InvalidRequest; AppError ACCESS-DENIED, NOT-FOUND: for the first part of the update that the caller may not ask for */
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
  if (update.credentialId !== undefined && !mayUse) {
    throw new AppError(
      'ACCESS-DENIED',
      'qCredentialsID: your roles do not let you use data through this connection.',
    );
  }
  const place = placeAfter(row, update);
  const isTransferred = place.owner_id !== row.owner_id;
  if (isTransferred) need('change_owner', 'owner');
  if (place.space_id !== row.space_id) {
    need('change_space', 'space');
    if (place.space_id !== null)
      await assertMayCreateIn(store, caller, place.space_id, privileges.includes('change_owner'));
  }
  if (update.spaceType !== undefined) await assertSpaceType(store, caller, place, update.spaceType);
  if (isTransferred) await assertNewOwner(store, caller, place);
}
