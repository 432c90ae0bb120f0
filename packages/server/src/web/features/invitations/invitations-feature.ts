import {
  createInvitation,
  deleteInvitation,
  type InvitationReply,
  listInvitations,
  redeemInvitation,
  setupPage,
} from '@mooring/contract/routes/invitations';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { InvitationTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind, type Handler } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { assertAdministrator, type InvitationsDependencies } from './invitation-access.js';
import { invite, isInvitationStillThere } from './invite.js';
import { redeem } from './redeem-invitation.js';
import { renderSetupPage } from './setup-page.js';

const invitationOrder: ListOrder = {
  sorts: { createdAt: 'created_at' },
  idColumn: 'id',
  sortDefault: '-createdAt',
  limitDefault: 100,
};

const present = (row: InvitationTable): InvitationReply => ({
  id: row.id,
  userId: row.user_id,
  status:
    row.redeemed_at !== null ? 'redeemed' : row.expires_at <= new Date().toISOString() ? 'expired' : 'open',
  ...(row.created_by === null ? {} : { createdBy: row.created_by }),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.redeemed_at === null ? {} : { redeemedAt: row.redeemed_at }),
  ...(row.api_key_id === null ? {} : { apiKeyId: row.api_key_id }),
});

const list =
  ({ store, publicUrl }: InvitationsDependencies): Handler<typeof listInvitations> =>
  async ({ query }, { caller, request }) => {
    assertAdministrator(caller);
    const page = readList(query, invitationOrder);
    let statement = store.db.selectFrom('invitation').selectAll().where('tenant_id', '=', caller.tenantId);
    if (query.userId !== undefined) statement = statement.where('user_id', '=', query.userId.toLowerCase());
    const rows = await statement.where(page.condition).orderBy(page.order).limit(page.fetch).execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
    return { status: 200, body: { data: shown.map(present), links } };
  };

const withdraw =
  ({ store }: InvitationsDependencies): Handler<typeof deleteInvitation> =>
  async ({ params }, { caller }) => {
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
  };

/** How users get access: a link that makes one API key, once. */
export function createInvitationsFeature(deps: InvitationsDependencies): BoundRoute[] {
  return [
    bind(createInvitation, invite(deps), isInvitationStillThere(deps)),
    bind(listInvitations, list(deps)),
    bind(deleteInvitation, withdraw(deps)),
    bind(redeemInvitation, redeem(deps)),
    bind(setupPage, async () => {
      const { html, headers } = renderSetupPage();
      return { status: 200, body: html, headers };
    }),
  ];
}
