import { redeemInvitation } from '@mooring/contract/routes/invitations';
import { claimInvitation, findInvitation, wasThereBefore } from '../../../core/access/invitation.js';
import { activeKeysOf, issueKey, keyLifeMs, longestLifeMs } from '../../../core/access/issue-key.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { InvitationTable, UserTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { loadUser } from './invited-user.js';

const unknownInvitation = () =>
  new AppError(
    'NOT-FOUND',
    'This invitation is not known here: it has ended, was withdrawn, or was never made. Ask an administrator for a new one.',
  );

const usedInvitation = (at: string) =>
  new AppError(
    'CONFLICT',
    `This invitation was used at ${at}. If that was not you, tell an administrator: somebody else holds the key. Otherwise ask for a new one.`,
  );

/** What an administrator could no longer do ends with them, and so do their open invitations. */
async function inviterMayStill(tx: Tx, row: InvitationTable): Promise<boolean> {
  if (row.created_by === null) return true;
  const inviter = await loadUser(tx, row.tenant_id, row.created_by);
  if (inviter?.status !== 'active') return false;
  const roles = JSON.parse(inviter.roles) as string[];
  return isAdministratorOf({ userId: inviter.id, roles }, 'personal');
}

/**
 * Takes the invitation for this request alone.
 * @throws AppError NOT-FOUND for one that is no more, CONFLICT for one that was used
 */
async function take(tx: Tx, id: string, at: string): Promise<{ row: InvitationTable; user: UserTable }> {
  const row = await tx.selectFrom('invitation').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw unknownInvitation();
  if (row.redeemed_at !== null) throw usedInvitation(row.redeemed_at);
  const user = await loadUser(tx, row.tenant_id, row.user_id);
  if (user?.status !== 'active' || !(await inviterMayStill(tx, row))) throw unknownInvitation();
  if (!(await claimInvitation(tx, row, at))) throw unknownInvitation();
  return { row, user };
}

/** Makes the key that an invitation is for. */
async function redeem(tx: Tx, hashToken: HashToken, id: string, description: string) {
  const at = new Date();
  const createdAt = at.toISOString();
  const { row: invitation, user } = await take(tx, id, createdAt);
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

export const createRedemption = ({
  store,
  guesses,
  hashToken,
}: {
  store: Store;
  guesses: GuessGuard;
  hashToken: HashToken;
}): BoundRoute =>
  bind(redeemInvitation, async ({ body }, { request }) => {
    const found = await findInvitation(store.db, hashToken, body.token.trim());
    if (!found) {
      guesses.failed(request.ip);
      throw unknownInvitation();
    }
    const { user, key, token, otherKeys } = await store.transaction((tx) =>
      redeem(tx, hashToken, found.id, body.description ?? ''),
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
