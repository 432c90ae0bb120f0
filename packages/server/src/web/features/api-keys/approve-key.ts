import type { approveApiKey } from '@mooring/contract/routes/api-keys';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Handler } from '../../http/handler.js';
import { type ApiKeysDependencies, findKey, presentKey, unknownKey } from './key-store.js';

/** "It was me": lets a key that came from an invitation reach what is older than it. */
export const approveKey =
  ({ store, authenticator, now }: ApiKeysDependencies): Handler<typeof approveApiKey> =>
  async ({ params }, { caller }) => {
    const asked = await store.db
      .selectFrom('api_key')
      .selectAll()
      .where('id', '=', params.id)
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (!asked) throw unknownKey();
    await assertOwnKey(store.db, caller);
    if (caller.wayIn?.reachesSince !== undefined) {
      throw new AppError(
        'ACCESS-DENIED',
        'This key awaits approval itself. Approve with a key that you had before the invitation.',
      );
    }
    if (asked.reaches_since !== null) {
      await store.transaction(async (tx) => {
        await tx
          .updateTable('api_key')
          .set({ reaches_since: null, updated_at: now().toISOString() })
          .where('tenant_id', '=', asked.tenant_id)
          .where('user_id', '=', asked.user_id)
          .where('invitation_id', '=', asked.invitation_id)
          .execute();
        await record(tx, {
          name: 'api-key.approved',
          by: caller,
          resourceId: asked.id,
          ownerId: asked.user_id,
          data: { keyInvitedBy: asked.invited_by },
        });
      });
      authenticator.forget();
    }
    return { status: 200, body: presentKey(await findKey(store, caller, asked.id), now()) };
  };
