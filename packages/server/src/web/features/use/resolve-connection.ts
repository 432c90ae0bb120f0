import type { resolveConnection } from '@mooring/contract/routes/use';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { decideFor } from '../../../core/access/connection-access.js';
import { AppError } from '../../../core/errors/app-error.js';
import { rolesOf } from '../../../core/store/decoded-rows.js';
import { usableConnection } from './begin-use.js';
import { explain } from './explanations.js';
import type { UseDependencies } from './prepared-use.js';

/** Which credential a use would get, and why it would be refused; for another user too, to those who may edit. */
export async function resolveUse(
  deps: UseDependencies,
  caller: Caller,
  qID: string,
  body: z.output<typeof resolveConnection.body>,
) {
  const { store, resolver } = deps;
  const { connection, manifest, mayEdit } = await usableConnection(deps, caller, qID);
  const userId = body?.as ?? caller.userId;
  if (userId !== caller.userId && !mayEdit) {
    throw new AppError(
      'ACCESS-DENIED',
      'as: only users who may edit the connection may resolve it for another user.',
    );
  }
  const user = await store.db
    .selectFrom('user')
    .select(['id', 'tenant_id', 'roles'])
    .where('id', '=', userId)
    .where('tenant_id', '=', caller.tenantId)
    .executeTakeFirst();
  if (!user) throw new AppError('NOT-FOUND', 'as: there is no such user.');
  const who = { userId: user.id, tenantId: user.tenant_id, roles: rolesOf(user) };
  const { mayUse } = await decideFor(store.db, who, connection);
  const resolution = await resolver.resolve(
    user.id === caller.userId ? caller : { userId: user.id },
    connection,
    manifest,
  );
  const { credential, isEmbedded, state } = resolution;
  const isShown = credential?.owner_id === caller.userId;
  const usable = mayUse && state === 'ready';
  return {
    connectionId: connection.id,
    dataSourceId: connection.source_id,
    userId: user.id,
    separated: connection.separated === 1,
    usable,
    ...(credential && isShown ? { credentialId: credential.id } : {}),
    ...(credential && (isShown || isEmbedded) ? { credentialOwnerId: credential.owner_id } : {}),
    state,
    reason: mayUse
      ? explain(resolution)
      : "This user's roles do not let them use data through this connection.",
    destination: connection.destination,
    ...(usable || isEmbedded ? {} : { bring: `/api/v1/data-connections/${connection.id}/credential` }),
  };
}
