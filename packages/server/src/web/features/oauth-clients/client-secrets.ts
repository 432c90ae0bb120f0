import { createOAuthClientSecret, deleteOAuthClientSecret } from '@mooring/contract/routes/oauth-clients';
import type { Caller } from '../../../core/access/caller.js';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Queryable } from '../../../core/store/queryable.js';
import { bind, type IsStillThere } from '../../http/handler.js';
import { addSecret, findClient, type OAuthClientsDependencies, secretsOf } from './client-store.js';

const secretsMax = 5;

/**
 * A client and its secrets outlive the key that they were made with, so only a user's own key may make them, and not
 * one that came from an invitation and awaits approval.
 * @throws AppError ACCESS-DENIED
 */
export async function assertMayMakeSecrets(db: Queryable, caller: Caller): Promise<void> {
  await assertOwnKey(db, caller);
  if (caller.wayIn?.reachesSince === undefined) return;
  throw new AppError(
    'ACCESS-DENIED',
    'This key awaits approval and cannot make anything permanent. Approve it with a key that you had before the invitation.',
  );
}

export const isStillThere =
  ({ store, hashToken }: OAuthClientsDependencies): IsStillThere =>
  async ({ clientSecret }, caller) => {
    const secret = await store.db
      .selectFrom('oauth_client_secret')
      .select('hint')
      .where('secret_hash', '=', hashToken(String(clientSecret)))
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirst();
    return secret !== undefined;
  };

export const makeSecret = (deps: OAuthClientsDependencies) =>
  bind(
    createOAuthClientSecret,
    async ({ params }, { caller }) => {
      const { store, hashToken } = deps;
      const { clientSecret, row } = await store.transaction(async (tx) => {
        await assertMayMakeSecrets(tx, caller);
        const client = await findClient(tx, caller, params.id);
        const others = await secretsOf(tx, [client]);
        if (others.length >= secretsMax) {
          throw new AppError('CONFLICT', `A client has at most ${secretsMax} secrets. Delete one first.`);
        }
        const added = await addSecret(tx, client, others, {
          by: caller.userId,
          at: store.clock.iso(),
          hashToken,
        });
        await record(tx, {
          name: 'oauth-client-secret.created',
          by: caller,
          resourceId: added.row.hint,
          parentId: client.id,
        });
        return added;
      });
      return {
        status: 201,
        body: {
          clientId: row.client_id,
          hint: row.hint,
          createdAt: row.created_at,
          createdBy: row.created_by,
          clientSecret,
        },
      };
    },
    isStillThere(deps),
  );

export const removeSecret = ({ store, authenticator }: OAuthClientsDependencies) =>
  bind(deleteOAuthClientSecret, async ({ params }, { caller }) => {
    await store.transaction(async (tx) => {
      const client = await findClient(tx, caller, params.id);
      const result = await tx
        .deleteFrom('oauth_client_secret')
        .where('client_id', '=', client.id)
        .where('tenant_id', '=', client.tenant_id)
        .where('hint', '=', params.hint)
        .executeTakeFirst();
      if (result.numDeletedRows !== 1n)
        throw new AppError('NOT-FOUND', 'The client has no secret with this hint.');
      // Earlier versions let access tokens make API keys; such a key ends with the last secret behind it.
      if ((await secretsOf(tx, [client])).length === 0) {
        await tx
          .updateTable('api_key')
          .set({ revoked_at: store.clock.iso() })
          .where('user_id', '=', client.user_id)
          .where('tenant_id', '=', client.tenant_id)
          .where('revoked_at', 'is', null)
          .execute();
      }
      await record(tx, {
        name: 'oauth-client-secret.deleted',
        by: caller,
        resourceId: params.hint,
        parentId: client.id,
      });
    });
    authenticator.forget();
    return { status: 204 };
  });
