import { createInvitation } from '@mooring/contract/routes/invitations';
import type { Caller } from '../../../core/access/caller.js';
import { findInvitation, invitationUrl, issueInvitation } from '../../../core/access/invitation.js';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { durationMs } from '../../../core/access/key-limits.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { insertUser, newUser, userByEmail, userById } from '../../../core/access/users.js';
import { record } from '../../../core/audit/record.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { GuessGuard } from '../../../core/rates/guess-guard.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { UserTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { bind, type Handler, type IsStillThere } from '../../http/handler.js';

export interface InvitationsDependencies {
  store: Store;
  guesses: GuessGuard;
  hashToken: HashToken;
  publicUrl: () => string;
}

export const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'invite users');

type Invited = Parameters<Handler<typeof createInvitation>>[0]['body'];

const lifeDefault = 'P1D';
const lifeMs = { least: 60_000, most: 7 * 86_400_000 };
/** How long invitations are listed after their end. */
const keptMs = 90 * 86_400_000;

function lifeOf(expiresIn: string | undefined): number {
  const ms = durationMs(expiresIn ?? lifeDefault, 'expiresIn');
  if (ms < lifeMs.least || ms > lifeMs.most) throw invalidField('expiresIn', 'must be from PT1M to P7D');
  return ms;
}

/** @throws AppError for users who cannot be invited */
async function existingUser(tx: Tx, caller: Caller, id: string): Promise<UserTable> {
  const user = await userById(tx, caller.tenantId, id);
  if (!user) throw new AppError('NOT-FOUND', 'userId: there is no such user.');
  if (user.id === caller.userId) {
    throw new AppError(
      'ACCESS-DENIED',
      'userId: you cannot invite yourself. Make a key with POST /api/v1/api-keys.',
    );
  }
  if (user.client_id !== null) {
    throw new AppError(
      'ACCESS-DENIED',
      'userId: this is the machine user of an OAuth client, which signs in with its secret at /oauth/token.',
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
  const known = email === undefined ? undefined : await userByEmail(tx, caller.tenantId, email);
  if (known) {
    throw new AppError(
      'CONFLICT',
      `email: a user with this address exists. Invite them with userId: ${known.id}.`,
    );
  }
  await insertUser(tx, caller, row);
  return row;
}

/** @throws InvalidRequest unless the request names either an existing or a new user */
function assertOneUser({ userId, name, email, subject, roles }: Invited): void {
  if (userId === undefined && name === undefined)
    throw invalidField('name', 'is required, or userId of an existing user');
  if (userId !== undefined && [name, email, subject, roles].some((given) => given !== undefined))
    throw invalidField('userId', 'and name, email, subject or roles of a new user cannot both be given');
}

async function inviteIn(
  tx: Tx,
  { store, hashToken }: Pick<InvitationsDependencies, 'store' | 'hashToken'>,
  caller: Caller,
  body: Invited,
) {
  // A link is worth a key, so a caller that cannot make keys cannot invite.
  await assertOwnKey(tx, caller);
  const { tenantId, userId: createdBy } = caller;
  const user = await (body.userId === undefined
    ? addedUser(tx, caller, body, store.clock.iso())
    : existingUser(tx, caller, body.userId.toLowerCase()));
  const createdAt = new Date(store.clock.now());
  await tx
    .deleteFrom('invitation')
    .where('tenant_id', '=', tenantId)
    .where('expires_at', '<', store.clock.iso(-keptMs))
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
}

const isStillThere =
  ({ store, hashToken }: InvitationsDependencies): IsStillThere =>
  async ({ token }, caller) => {
    const invitation = await findInvitation(store.db, hashToken, String(token));
    return (
      invitation !== undefined &&
      invitation.tenant_id === caller.tenantId &&
      invitation.redeemed_at === null &&
      invitation.expires_at > store.clock.iso()
    );
  };

const subjectTaken = () =>
  new AppError('CONFLICT', 'subject: a user with this subject exists. Invite them by userId.');

export const invite = (deps: InvitationsDependencies) =>
  bind(
    createInvitation,
    async ({ body }, { caller }) => {
      assertAdministrator(caller);
      assertOneUser(body);
      lifeOf(body.expiresIn);
      const { row, token } = await deps.store
        .transaction((tx) => inviteIn(tx, deps, caller, body))
        .catch(ifTaken(subjectTaken));
      const { id, user_id: userId, expires_at: expiresAt } = row;
      const url = invitationUrl(deps.publicUrl(), token);
      return { status: 201, body: { id, userId, token, url, expiresAt } };
    },
    isStillThere(deps),
  );
