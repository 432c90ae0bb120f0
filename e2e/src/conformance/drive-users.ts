import type apiKeyFunctions from '@qlik/api/api-keys';
import type spaceFunctions from '@qlik/api/spaces';
import type userFunctions from '@qlik/api/users';
import { expect } from 'vitest';
import { walkPages } from './paging.js';
import type { Run } from './run.js';

/** Adds, finds, counts, changes and deletes users. */
export async function driveUsers(run: Run): Promise<void> {
  const users = run.driven<typeof userFunctions>('users');
  const { data: me } = await users.getMyUser();
  const carol = await users.createUser({ subject: 'carol', name: 'Carol', email: 'carol@example.com' });
  await users.createUser({ subject: 'dave' });
  const all = await walkPages(await users.getUsers({ limit: 1, sort: '+name' }), (one) => one.id);
  expect(all).toEqual(expect.arrayContaining([me.id, carol.data.id]));
  const filtered = await users.filterUsers({ limit: 1 }, { filter: 'status eq "active"' });
  expect(await walkPages(filtered, (one) => one.id)).toHaveLength(all.length);
  expect((await users.getUsers({ filter: 'subject eq "carol"', totalResults: true })).data.data).toHaveLength(
    1,
  );
  expect((await users.countUsers({})).data.total).toBe(all.length);
  expect((await users.countUsersWithoutQuery()).data.total).toBe(all.length);
  await users.patchUser(carol.data.id, [{ op: 'replace', path: '/name', value: 'Caroline' }]);
  expect((await users.getUser(carol.data.id, {})).data.name).toBe('Caroline');
  const invited = await users.inviteUsers({ invitees: [{ email: 'erin@example.com', name: 'Erin' }] });
  expect(invited.data.data).toHaveLength(1);
  await users.deleteUser(carol.data.id);
}

/** Creates, finds, changes and revokes keys, and changes the policy for all of them. */
export async function driveApiKeys(run: Run): Promise<void> {
  const apiKeys = run.driven<typeof apiKeyFunctions>('api-keys');
  const { data: me } = await run.driven<typeof userFunctions>('users').getMyUser();
  const key = await apiKeys.createApiKey({ description: 'first', expiry: 'P1D' });
  await apiKeys.createApiKey({ description: 'second' });
  const listed = await apiKeys.getApiKeys({ limit: 1, sort: '+created', status: 'active', sub: me.id });
  expect(await walkPages(listed, (one) => one.id)).toContain(key.data.id);
  await apiKeys.patchApiKey(key.data.id, [{ op: 'replace', path: '/description', value: 'changed' }]);
  expect((await apiKeys.getApiKey(key.data.id)).data.description).toBe('changed');
  const value = 900;
  await apiKeys.patchApiKeysConfig(me.tenantId, [{ op: 'replace', path: '/max_keys_per_user', value }]);
  expect((await apiKeys.getApiKeysConfig(me.tenantId)).data.max_keys_per_user).toBe(value);
  await apiKeys.deleteApiKey(key.data.id);
}

/** Creates, finds, changes and deletes spaces and their members. */
export async function driveSpaces(run: Run): Promise<void> {
  const spaces = run.driven<typeof spaceFunctions>('spaces');
  const users = run.driven<typeof userFunctions>('users');
  const space = await spaces.createSpace({ name: 'Finance', type: 'shared', description: 'Ours' });
  const managed = await spaces.createSpace({ name: 'Managed', type: 'managed' });
  const { id } = space.data;
  const found = await walkPages(await spaces.getSpaces({ limit: 1, sort: '+name' }), (one) => one.id);
  expect(found).toEqual([id, managed.data.id]);
  expect((await spaces.getSpaces({ name: 'finan', type: 'shared' })).data.data).toHaveLength(1);
  await spaces.patchSpace(id, [{ op: 'replace', path: '/name', value: 'Controlling' }]);
  await spaces.updateSpace(id, { name: 'Finance', description: '' });
  expect((await spaces.getSpace(id)).data.name).toBe('Finance');
  await spaces.getSpaceTypes();

  const members: string[] = [];
  for (const subject of ['frank', 'grace']) {
    const { data } = await users.createUser({ subject });
    const member = { type: 'user', assigneeId: data.id, roles: ['dataconsumer'] } as const;
    members.push((await spaces.createSpaceAssignment(id, { ...member, roles: [...member.roles] })).data.id);
  }
  const listed = await spaces.getSpaceAssignments(id, { limit: 1, type: 'user' });
  expect(await walkPages(listed, (one) => one.id)).toEqual(expect.arrayContaining(members));
  const [member = ''] = members;
  await spaces.updateSpaceAssignment(id, member, { roles: ['producer'] });
  expect((await spaces.getSpaceAssignment(id, member)).data.roles).toEqual(['producer']);
  await spaces.deleteSpaceAssignment(id, member);
  await spaces.deleteSpace(managed.data.id);
}
