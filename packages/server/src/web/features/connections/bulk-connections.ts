import {
  type bulkDeleteConnections,
  type bulkUpdateConnections,
  updateConnectionBodySchema,
} from '@mooring/contract/routes/data-connection-changes';
import { connectionSchema, postConnectionBodySchema } from '@mooring/contract/routes/data-connections';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import type { AccessibleConnection } from '../../../core/access/connection-access.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import type { RequestScope } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import type { ConnectionDependencies } from './connection-dependencies.js';
import { deleteConnection } from './delete-connection.js';
import { lookUp } from './lookup.js';
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
      return {
        field,
        message:
          right === undefined
            ? 'cannot be changed for many connections at once: PATCH each'
            : `is called ${right} here`,
      };
    });
  if (problems.length > 0) throw new InvalidRequest(problems);
}

function assertAdministrator(caller: Caller): void {
  if ((['personal', 'shared', 'managed', 'data'] as const).some((type) => isAdministratorOf(caller, type)))
    return;
  throw new AppError('ACCESS-DENIED', 'Only administrators may change many connections at once.');
}

/** One item of a bulk request; its failure does not affect the others. */
async function settle(id: string, traceId: string, work: () => Promise<void>) {
  try {
    await work();
    return { id, status: 204 };
  } catch (error) {
    const { status, body } = errorReply(error, traceId);
    const [first] = body.errors;
    return { id, status, ...(first ? { error: first } : {}) };
  }
}

async function administered(
  deps: ConnectionDependencies,
  caller: Caller,
  id: string,
): Promise<AccessibleConnection> {
  const found = await lookUp(deps, { caller, revision: unconditional }, { id });
  if (!found.privileges.includes('change_owner')) {
    throw new AppError('ACCESS-DENIED', 'You are not an administrator of the space of this connection.');
  }
  return found;
}

/** @returns the outcome of each item */
export async function bulkDelete(
  deps: ConnectionDependencies,
  { connections }: z.output<typeof bulkDeleteConnections.body>,
  { caller, traceId }: Scope,
) {
  assertAdministrator(caller);
  const data = [];
  for (const { id } of connections) {
    const work = async () => {
      await administered(deps, caller, id);
      await deleteConnection(deps, { caller, revision: unconditional }, { id });
    };
    data.push(await settle(id, traceId, work));
  }
  return { data };
}

/** @returns the outcome of each item */
export async function bulkUpdate(
  deps: ConnectionDependencies,
  { connections }: z.output<typeof bulkUpdateConnections.body>,
  { caller, traceId }: Scope,
) {
  assertAdministrator(caller);
  const data = [];
  for (const { id, name, ownerId, spaceId, spaceType, ...others } of connections) {
    const work = async () => {
      assertNothingElse(others);
      const found = await administered(deps, caller, id);
      await updateConnection(deps, { caller, revision: unconditional }, found, {
        ...(name === undefined ? {} : { name }),
        ...(ownerId === undefined ? {} : { ownerId }),
        ...(spaceId === undefined ? {} : { spaceId: spaceId || null }),
        ...(spaceType === undefined ? {} : { spaceType }),
      });
    };
    data.push(await settle(id, traceId, work));
  }
  return { data };
}
