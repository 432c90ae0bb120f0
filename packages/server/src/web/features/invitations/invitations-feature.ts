import {
  createInvitation,
  deleteInvitation,
  type InvitationReply,
  listInvitations,
  setupPage,
} from '@mooring/contract/routes/invitations';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { findInvitation, invitationUrl, issueInvitation } from '../../../core/access/invitation.js';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { durationMs } from '../../../core/access/key-duration.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { insertUser, newUser } from '../../../core/access/new-user.js';
import { record } from '../../../core/audit/record.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { InvitationTable, UserTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { loadUser } from './invited-user.js';
import { createRedemption } from './redeem-invitation.js';
import { renderSetupPage } from './setup-page.js';

export interface InvitationsDependencies {
  store: Store;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}

type Invited = z.output<typeof createInvitation.body>;

const lifeDefault = 'P1D';
const lifeMs = { least: 60_000, most: 7 * 86_400_000 };
/** Ended ones are shown for a while. */
const keptMs = 90 * 86_400_000;

const invitationOrder: ListOrder = {
  sorts: { createdAt: 'created_at' },
  idColumn: 'id',
  sortDefault: '-createdAt',
  limitDefault: 100,
};

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may invite users.');
  }
}

function lifeOf(expiresIn: string | undefined): number {
  const ms = durationMs(expiresIn ?? lifeDefault, 'expiresIn');
  if (ms < lifeMs.least || ms > lifeMs.most) throw invalid('expiresIn', 'must be from PT1M to P7D');
  return ms;
}

/** @throws AppError for users whom nobody invites */
async function userWhoIsThere(tx: Tx, caller: Caller, id: string): Promise<UserTable> {
  const user = await loadUser(tx, caller.tenantId, id);
  if (!user) throw new AppError('NOT-FOUND', 'userId: there is no such user.');
  if (user.id === caller.userId) {
    throw new AppError(
      'ACCESS-DENIED',
      'userId: nobody invites themselves. Make a key with POST /api/v1/api-keys.',
    );
  }
  if (user.client_id !== null) {
    throw new AppError(
      'ACCESS-DENIED',
      'userId: an OAuth client acts as this user. It signs in with its secret at /oauth/token.',
    );
  }
  if (user.status !== 'active') throw new AppError('CONFLICT', 'userId: this user is disabled.');
  return user;
}

async function addedUser(
  tx: Tx,
  caller: Caller,
  { name, email, subject, roles }: Invited,
  at: string,
): Promise<UserTable> {
  const user = { subject: subject ?? newUuid(), name: name ?? '', email: email ?? null, roles: roles ?? [] };
  const row = newUser(caller, user, at);
  const known =
    email === undefined
      ? undefined
      : await tx
          .selectFrom('user')
          .select('id')
          .where('tenant_id', '=', caller.tenantId)
          .where((eb) => eb(eb.fn<string>('lower', ['email']), '=', email.toLowerCase()))
          .executeTakeFirst();
  if (known) {
    throw new AppError(
      'CONFLICT',
      `email: a user with this address exists. Invite them with userId: ${known.id}.`,
    );
  }
  await insertUser(tx, caller, row);
  return row;
}

/** @throws InvalidRequest when it is not clear who is invited */
function assertOneUser({ userId, name, email, subject, roles }: Invited): void {
  if (userId === undefined && name === undefined)
    throw invalid('name', 'is required, or userId of a user who is there');
  if (userId !== undefined && [name, email, subject, roles].some((given) => given !== undefined))
    throw invalid('userId', 'and name, email, subject or roles of a new user cannot both be given');
}

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

/** How users get in: a link that makes one API key, once. */
export function createInvitationsFeature({
  store,
  guesses,
  hashToken,
  publicUrl,
}: InvitationsDependencies): BoundRoute[] {
  const invite = async (tx: Tx, caller: Caller, body: Invited) => {
    // A link is as good as a key, so what makes no key makes none.
    await assertOwnKey(tx, caller);
    const { tenantId, userId: createdBy } = caller;
    const user = await (body.userId === undefined
      ? addedUser(tx, caller, body, store.clock.iso())
      : userWhoIsThere(tx, caller, body.userId.toLowerCase()));
    const createdAt = new Date();
    await tx
      .deleteFrom('invitation')
      .where('tenant_id', '=', tenantId)
      .where('expires_at', '<', new Date(createdAt.getTime() - keptMs).toISOString())
      .execute();
    const issued = await issueInvitation(tx, hashToken, {
      ...{ tenantId, createdBy, userId: user.id, createdAt, lifeMs: lifeOf(body.expiresIn) },
    });
    await record(tx, {
      name: 'invitation.created',
      by: caller,
      resourceId: issued.row.id,
      ownerId: user.id,
      data: { expiresAt: issued.row.expires_at },
    });
    return issued;
  };

  const isStillThere = async ({ token }: Record<string, unknown>, caller: Caller): Promise<boolean> => {
    const invitation = await findInvitation(store.db, hashToken, String(token));
    return (
      invitation !== undefined &&
      invitation.tenant_id === caller.tenantId &&
      invitation.redeemed_at === null &&
      invitation.expires_at > new Date().toISOString()
    );
  };

  const create = bind(
    createInvitation,
    async ({ body }, { caller }) => {
      assertAdministrator(caller);
      assertOneUser(body);
      lifeOf(body.expiresIn);
      try {
        const { row, token } = await store.transaction((tx) => invite(tx, caller, body));
        const { id, user_id: userId, expires_at: expiresAt } = row;
        const url = invitationUrl(publicUrl(), token);
        return { status: 201, body: { id, userId, token, url, expiresAt } };
      } catch (error) {
        if (isUniqueViolation(error)) {
          throw new AppError('CONFLICT', 'subject: a user with this subject exists. Invite them by userId.');
        }
        throw error;
      }
    },
    isStillThere,
  );

  const list = bind(listInvitations, async ({ query }, { caller, request }) => {
    assertAdministrator(caller);
    const page = readList(query, invitationOrder);
    let statement = store.db.selectFrom('invitation').selectAll().where('tenant_id', '=', caller.tenantId);
    if (query.userId !== undefined) statement = statement.where('user_id', '=', query.userId.toLowerCase());
    const rows = await statement.where(page.condition).orderBy(page.order).limit(page.fetch).execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
    return { status: 200, body: { data: shown.map(present), links } };
  });

  const withdraw = bind(deleteInvitation, async ({ params }, { caller }) => {
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

  return [
    create,
    list,
    withdraw,
    createRedemption({ store, guesses, hashToken }),
    bind(setupPage, async () => {
      const { html, headers } = renderSetupPage();
      return { status: 200, body: html, headers };
    }),
  ];
}
