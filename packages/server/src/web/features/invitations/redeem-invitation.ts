import { redeemInvitation } from '@mooring/contract/routes/invitations';
import { claimInvitation, findInvitation, wasThereBefore } from '../../../core/access/invitation.js';
import { activeKeysOf, issueKey, keyLifeMs, longestLifeMs } from '../../../core/access/issue-key.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { userById } from '../../../core/access/users.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { InvitationTable, UserTable } from '../../../core/store/tables.js';
import { bind } from '../../http/handler.js';
import type { InvitationsDependencies } from './invite.js';

const unknownInvitation = () =>
  new AppError(
    'NOT-FOUND',
    'Unknown invitation: it has expired, was withdrawn, or never existed. Ask an administrator for a new one.',
  );

const usedInvitation = (at: string) =>
  new AppError(
    'CONFLICT',
    `This invitation was used at ${at}. If that was not you, tell an administrator: someone else has the key. Otherwise ask for a new one.`,
  );

/** Open invitations end when their creator loses the role, or access. */
async function inviterMayStill(tx: Tx, row: InvitationTable): Promise<boolean> {
  if (row.created_by === null) return true;
  const inviter = await userById(tx, row.tenant_id, row.created_by);
  if (inviter?.status !== 'active') return false;
  const roles = JSON.parse(inviter.roles) as string[];
  return isTenantAdministrator({ userId: inviter.id, roles });
}

/**
 * Claims the invitation for this request.
 * @throws AppError NOT-FOUND when it has ended, CONFLICT when it was used
 */
async function claim(tx: Tx, id: string, at: string): Promise<{ row: InvitationTable; user: UserTable }> {
  const row = await tx.selectFrom('invitation').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw unknownInvitation();
  if (row.redeemed_at !== null) throw usedInvitation(row.redeemed_at);
  const user = await userById(tx, row.tenant_id, row.user_id);
  if (user?.status !== 'active' || !(await inviterMayStill(tx, row))) throw unknownInvitation();
  if (!(await claimInvitation(tx, row, at))) throw unknownInvitation();
  return { row, user };
}

/** Makes the key of the invitation. */
async function makeKey(
  tx: Tx,
  { store, hashToken }: InvitationsDependencies,
  id: string,
  description: string,
) {
  const at = new Date(store.clock.now());
  const createdAt = at.toISOString();
  const { row: invitation, user } = await claim(tx, id, createdAt);
  const isLimited = invitation.created_by !== null && (await wasThereBefore(tx, user.id));
  const lifeMs = Math.min(keyLifeMs, await longestLifeMs(tx, user.tenant_id));
  const otherKeys = await activeKeysOf(tx, user.id, createdAt);
  const { row: key, token } = await issueKey(tx, hashToken, {
    tenantId: user.tenant_id,
    userId: user.id,
    description,
    createdBy: user.id,
    createdAt: at,
    expiresAt: new Date(at.getTime() + lifeMs).toISOString(),
    wayIn: {
      invitationId: invitation.id,
      invitedBy: invitation.created_by,
      reachesSince: isLimited ? createdAt : null,
    },
  });
  await tx
    .updateTable('invitation')
    .set({ api_key_id: key.id })
    .where('id', '=', invitation.id)
    .where('tenant_id', '=', invitation.tenant_id)
    .execute();
  await record(tx, {
    name: 'invitation.redeemed',
    by: { tenantId: user.tenant_id, userId: user.id },
    resourceId: invitation.id,
    ownerId: user.id,
    data: { apiKeyId: key.id, awaitsApproval: isLimited, invitedBy: invitation.created_by },
  });
  return { user, key, token, otherKeys };
}

export const redeem = (deps: InvitationsDependencies) =>
  bind(redeemInvitation, async ({ body }, { request }) => {
    const { store, guesses, hashToken } = deps;
    const found = await findInvitation(store.db, hashToken, body.token.trim());
    if (!found) {
      guesses.failed(request.ip);
      throw unknownInvitation();
    }
    const { user, key, token, otherKeys } = await store.transaction((tx) =>
      makeKey(tx, deps, found.id, body.description ?? ''),
    );
    const { id, tenant_id: tenantId, subject, name, email } = user;
    return {
      status: 201,
      body: {
        user: {
          ...{ id, tenantId, subject, name, roles: JSON.parse(user.roles) as string[] },
          ...(email === null ? {} : { email }),
        },
        apiKey: {
          ...{ id: key.id, token, expiry: key.expires_at },
          awaitsApproval: key.reaches_since !== null,
        },
        otherKeys,
      },
    };
  });
