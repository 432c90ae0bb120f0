import {
  deleteInvitation,
  type InvitationReply,
  listInvitations,
  setupPage,
} from '@mooring/contract/routes/invitations';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { InvitationTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListOrder } from '../../http/keyset.js';
import { assertAdministrator, type InvitationsDependencies, invite } from './invite.js';
import { redeem } from './redeem-invitation.js';
import { renderSetupPage } from './setup-page.js';

const invitationOrder: ListOrder = {
  sorts: { createdAt: 'created_at' },
  idColumn: 'id',
  sortDefault: '-createdAt',
};

/** @param now ISO 8601 */
const present = (row: InvitationTable, now: string): InvitationReply => ({
  id: row.id,
  userId: row.user_id,
  status: row.redeemed_at !== null ? 'redeemed' : row.expires_at <= now ? 'expired' : 'open',
  ...(row.created_by === null ? {} : { createdBy: row.created_by }),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.redeemed_at === null ? {} : { redeemedAt: row.redeemed_at }),
  ...(row.api_key_id === null ? {} : { apiKeyId: row.api_key_id }),
});

const list = ({ store, publicUrl }: InvitationsDependencies) =>
  bind(listInvitations, async ({ query }, { caller, request }) => {
    assertAdministrator(caller);
    let statement = store.db.selectFrom('invitation').selectAll().where('tenant_id', '=', caller.tenantId);
    if (query.userId !== undefined) statement = statement.where('user_id', '=', query.userId.toLowerCase());
    const self = publicUrl() + request.url;
    const { shown, links } = await fetchPage(statement, query, invitationOrder, self);
    return { status: 200, body: { data: shown.map((row) => present(row, store.clock.iso())), links } };
  });

const withdraw = ({ store }: InvitationsDependencies) =>
  bind(deleteInvitation, async ({ params }, { caller }) => {
    assertAdministrator(caller);
    await store.transaction(async (tx) => {
      const row = await tx
        .deleteFrom('invitation')
        .where('id', '=', params.id)
        .where('tenant_id', '=', caller.tenantId)
        .returning('user_id')
        .executeTakeFirst();
      if (!row) throw new AppError('NOT-FOUND', 'There is no such invitation.');
      const { user_id: ownerId } = row;
      await record(tx, { name: 'invitation.deleted', by: caller, resourceId: params.id, ownerId });
    });
    return { status: 204 };
  });

/** How users get access: a link that makes one API key, once. */
export function createInvitationsFeature(deps: InvitationsDependencies): BoundRoute[] {
  return [
    ...[invite, list, withdraw, redeem].map((operation) => operation(deps)),
    bind(setupPage, async () => {
      const { html, headers } = renderSetupPage();
      return { status: 200, body: html, headers };
    }),
  ];
}
