import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import { sql } from 'kysely';
import type { Caller } from '../../../../../core/access/caller.js';
import { assignableRoles } from '../../../../../core/access/matrix.js';
import { migrate, openStore, type Store } from '../../../../../core/store/store.js';
import type { ConnectionTable } from '../../../../../core/store/tables.js';
import { insertConnection, nameColumns } from '../../connection-rows.js';

export const at = '2026-01-01T00:00:00.000Z';
export const users = ['ann', 'ben', 'cat', 'dan'];

export const callerOf = (userId: string, roles: readonly string[] = []): Caller => ({
  ...{ userId, tenantId: 't', name: userId, roles, keyId: 'k', keyKind: 'api-key' },
});

/** Makes rows of connections, which differ in id, name and few instants, so that ties are decided by the id. */
function rowMaker() {
  let made = 0;
  return (ownerId: string, spaceId: string | null, sourceId = 'postgres'): ConnectionTable => {
    made += 1;
    const created = new Date(Date.parse(at) + (made % 7) * 1000).toISOString();
    return {
      id: `00000000-0000-4000-8000-${String(made * 7919).padStart(12, '0')}`,
      tenant_id: 't',
      ...nameColumns(`Connection ${made % 5} ${made}`),
      scope: spaceId === null ? `user:${ownerId}` : `space:${spaceId}`,
      space_id: spaceId,
      owner_id: ownerId,
      source_id: sourceId,
      ...{
        properties: '{}',
        set_names: null,
        separated: 0,
        destination: '',
        qri: '',
        tags: '[]',
        version: 1,
      },
      ...{ created_at: created, updated_at: created, suspended_at: null, suspended_by: null },
      ...{ secrets_entered_at: null, secrets_entered_with: null },
    };
  };
}

async function insertSpace(store: Store, id: string, type: SpaceType, role: SpaceRole | undefined) {
  const { db } = store;
  const owner = role === undefined ? 'cat' : 'ann';
  const common = { tenant_id: 't', created_at: at, created_by: 'ann', updated_at: at };
  await db
    .insertInto('space')
    .values({ ...common, id, name: id, name_key: id, type, description: '', owner_id: owner })
    .execute();
  if (role === undefined) return;
  await db
    .insertInto('assignment')
    .values({ ...common, id: `a-${id}`, space_id: id, user_id: 'cat', updated_by: 'ann' })
    .execute();
  await db
    .insertInto('assignment_role')
    .values({ tenant_id: 't', assignment_id: `a-${id}`, space_id: id, user_id: 'cat', role })
    .execute();
}

export type ListedStore = Awaited<ReturnType<typeof openListedStore>>;

/**
 * A store with users and their connections: personal ones, in a space of each type for every role that Cat can have
 * there, and in a space of each type that she owns.
 */
export async function openListedStore() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-list-'));
  const store = openStore({ dataFolder: folder });
  await migrate(store);
  await store.db.insertInto('tenant').values({ id: 't', name: 't', created_at: at }).execute();
  for (const id of users) {
    await sql`insert into "user" (id, tenant_id, subject, name, status, roles, created_at, updated_at)
      values (${id}, 't', ${id}, ${id}, 'active', '[]', ${at}, ${at})`.execute(store.db);
  }
  const row = rowMaker();
  const add = async (one: ConnectionTable): Promise<ConnectionTable> => {
    await store.transaction((tx) => insertConnection(tx, one));
    return one;
  };
  let spaces = 0;
  const addSpace = async (type: SpaceType, role: SpaceRole | undefined): Promise<string> => {
    const id = `s${spaces}`;
    spaces += 1;
    await insertSpace(store, id, type, role);
    return id;
  };
  for (const type of ['shared', 'managed', 'data'] as const) {
    for (const role of [...assignableRoles[type], undefined]) {
      const spaceId = await addSpace(type, role);
      for (const owner of users) await add(row(owner, spaceId, owner === 'ann' ? 'rest' : 'postgres'));
    }
  }
  for (const owner of users) for (let count = 0; count < 3; count += 1) await add(row(owner, null));
  return {
    ...{ store, row, add, addSpace },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
