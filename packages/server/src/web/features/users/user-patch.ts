import { tenantRoleSchema, type UserPatch } from '@mooring/contract/routes/users';
import { nameSchema } from '@mooring/contract/wire';
import { z } from 'zod';
import { invalidField } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { UserTable } from '../../../core/store/tables.js';
import { rolesOf } from './user-store.js';

/** The columns of a user that a patch may change. */
export type PatchedUser = Pick<UserTable, 'name' | 'email' | 'status' | 'roles'>;

const rolesSchema = z.array(tenantRoleSchema).max(8);
const statusSchema = z.enum(['active', 'disabled']);
const emailSchema = z.email().max(256);

/** Roles as `['TenantAdmin']`, `[{name}]` or `[{id}]`; id and name of a role are the same. */
function rolesIn(value: unknown, field: string): string[] {
  const names = Array.isArray(value)
    ? value.map((item: unknown) => {
        const role = item as { id?: unknown; name?: unknown } | string | null;
        return typeof role === 'object' && role !== null ? (role.name ?? role.id) : role;
      })
    : value;
  return parseInput(rolesSchema, names, field);
}

function patchedRoles(
  op: UserPatch[number]['op'],
  current: readonly string[],
  given: readonly string[],
): string[] {
  if (op === 'add') return [...new Set([...current, ...given])];
  if (op === 'remove-value') return current.filter((role) => !given.includes(role));
  return [...new Set(given)];
}

/** @throws InvalidRequest naming the path */
export function patchUserRow(row: UserTable, patch: UserPatch): PatchedUser {
  let { name, email, status } = row;
  let roles = rolesOf(row);
  for (const { op, path, value } of patch) {
    if (path === '/roles' || path === '/assignedRoles') {
      roles = patchedRoles(op, roles, rolesIn(value, path));
      continue;
    }
    if (!['/name', '/email', '/status'].includes(path)) {
      throw invalidField(path, 'cannot be changed here');
    }
    if (op !== 'replace' && op !== 'set') {
      throw invalidField(path, 'can only be replaced');
    }
    if (path === '/name') name = parseInput(nameSchema, value, path);
    else if (path === '/email') email = parseInput(emailSchema, value, path);
    else status = parseInput(statusSchema, value, path);
  }
  return { name, email, status, roles: JSON.stringify(roles) };
}
