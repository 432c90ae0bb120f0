import {
  type bulkDeleteConnections,
  type bulkUpdateConnections,
  updateConnectionBodySchema,
} from '@mooring/contract/routes/data-connection-changes';
import { connectionSchema, postConnectionBodySchema } from '@mooring/contract/routes/data-connections';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { findConnection } from '../../../core/access/find-connection.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import type { RequestScope } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { deleteConnection } from './delete-connection.js';
import { updateConnection } from './update-connection.js';

type Scope = Pick<RequestScope, 'caller' | 'traceId'>;

const spellings: Readonly<Record<string, string>> = { qname: 'name', user: 'ownerId', space: 'spaceId' };

/** Members of a connection that a client could expect a bulk update to change; others are ignored. */
const ofConnections = new Set(
  [connectionSchema, postConnectionBodySchema, updateConnectionBodySchema]
    .flatMap(({ shape }) => Object.keys(shape))
    .concat('selectedCredentials', 'credentialsName')
    .map((name) => name.toLowerCase()),
);

/** @throws InvalidRequest naming each member that a bulk update does not change */
function assertNothingElse(others: Readonly<Record<string, unknown>>): void {
  const problems = Object.keys(others)
    .filter((name) => ofConnections.has(name.toLowerCase()))
    .map((field) => {
      const right = spellings[field.toLowerCase()];
      const elsewhere = 'cannot be changed for many connections at once: PATCH each';
      return { field, message: right === undefined ? elsewhere : `is called ${right} here` };
    });
  if (problems.length > 0) throw new InvalidRequest(problems);
}

async function administered({ store }: ConnectionDependencies, caller: Caller, id: string) {
  const found = await findConnection(store.db, caller, id, 'id');
  if (!found.privileges.includes('change_owner'))
    throw new AppError('ACCESS-DENIED', 'You are not an administrator of the space of this connection.');
  return found;
}

/** Works on the items one by one; the failure of an item does not affect the others. @returns the outcome of each */
async function settleEach<Item extends { id: string }>(
  items: readonly Item[],
  { caller, traceId }: Scope,
  work: (item: Item) => Promise<void>,
) {
  if (!(['personal', 'shared', 'managed', 'data'] as const).some((type) => isAdministratorOf(caller, type)))
    throw new AppError('ACCESS-DENIED', 'Only administrators may change many connections at once.');
  const data = [];
  for (const item of items) {
    const { id } = item;
    try {
      await work(item);
      data.push({ id, status: 204 });
    } catch (error) {
      const { status, body } = errorReply(error, traceId);
      const [first] = body.errors;
      data.push({ id, status, ...(first ? { error: first } : {}) });
    }
  }
  return { data };
}

export const bulkDelete = (
  deps: ConnectionDependencies,
  { connections }: z.output<typeof bulkDeleteConnections.body>,
  scope: Scope,
) => {
  const by = { caller: scope.caller, revision: unconditional };
  return settleEach(connections, scope, async ({ id }) =>
    deleteConnection(deps, by, await administered(deps, scope.caller, id)),
  );
};

export const bulkUpdate = (
  deps: ConnectionDependencies,
  { connections }: z.output<typeof bulkUpdateConnections.body>,
  scope: Scope,
) => {
  const by = { caller: scope.caller, revision: unconditional };
  return settleEach(connections, scope, async ({ id, name, ownerId, spaceId, spaceType, ...others }) => {
    assertNothingElse(others);
    await updateConnection(deps, by, await administered(deps, scope.caller, id), {
      ...(name === undefined ? {} : { name }),
      ...(ownerId === undefined ? {} : { ownerId }),
      ...(spaceId === undefined ? {} : { spaceId: spaceId || null }),
      ...(spaceType === undefined ? {} : { spaceType }),
    });
  });
};
