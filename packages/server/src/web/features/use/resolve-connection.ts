import { resolveConnection } from '@mooring/contract/routes/use';
import { findConnectionToUse, unknownConnection } from '../../../core/access/find-connection.js';
import { loadCredential, resolutionForUse } from '../../../core/credentials/resolve.js';
import { AppError } from '../../../core/errors/app-error.js';
import { rolesOf } from '../../../core/store/decoded-rows.js';
import { bind } from '../../http/handler.js';
import { explain } from './credentials-required.js';
import type { UseDependencies } from './prepared-use.js';
import { assertUsable } from './run-use.js';

/** Which credential a use would get, and why it would be refused; for another user too, to those who may edit. */
export const resolve = (deps: UseDependencies) =>
  bind(resolveConnection, async ({ params, body: request }, { caller }) => {
    const { db } = deps.store;
    const found = await findConnectionToUse(db, caller, params.qID);
    const { connection, manifest, mayEdit } = await assertUsable(deps, caller, found);
    const userId = request?.as ?? caller.userId;
    if (userId !== caller.userId && !mayEdit) {
      throw new AppError(
        'ACCESS-DENIED',
        'as: only users who may edit the connection may resolve it for another user.',
      );
    }
    const user = await db
      .selectFrom('user')
      .select(['id', 'tenant_id', 'roles'])
      .where('id', '=', userId)
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirst();
    if (!user) throw new AppError('NOT-FOUND', 'as: there is no such user.');
    const who = { userId: user.id, tenantId: user.tenant_id, roles: rolesOf(user) };
    const loaded = await loadCredential(db, who, connection.id);
    if (!loaded) throw unknownConnection();
    const { mayUse } = loaded;
    const resolution = resolutionForUse(user.id === caller.userId ? caller : who, loaded, manifest);
    const { credential, isEmbedded, state } = resolution;
    const isShown = credential?.owner_id === caller.userId;
    const usable = mayUse && state === 'ready';
    const body = {
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
    return { status: 200, body };
  });
