import { createUser, deleteUser, inviteUsers, patchUser } from '@mooring/contract/routes/users';
import { insertUser, newUser, userByEmail } from '../../../core/access/users.js';
import { record } from '../../../core/audit/record.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import { ifTaken } from '../../../core/store/store-error.js';
import { bind } from '../../http/handler.js';
import { patchUserRow } from './user-patch.js';
import {
  assertAdministrator,
  assertNotLastAdministrator,
  assertNotMachine,
  findUser,
  presentUser,
  rolesOf,
  type UsersDependencies,
} from './user-store.js';

const subjectTaken = () => new AppError('CONFLICT', 'subject: a user with this subject exists.');

export const addUser = ({ store, publicUrl }: UsersDependencies) =>
  bind(createUser, async ({ body }, { caller }) => {
    assertAdministrator(caller);
    const assigned = body.assignedRoles?.map((role) => ('name' in role ? role.name : role.id)) ?? [];
    const user = {
      subject: body.subject,
      name: body.name ?? body.subject,
      email: body.email ?? null,
      roles: [...(body.roles ?? []), ...assigned],
    };
    const row = newUser(caller, user, store.clock.iso());
    await store.transaction((tx) => insertUser(tx, caller, row)).catch(ifTaken(subjectTaken));
    return { status: 201, body: presentUser(row, publicUrl()) };
  });

/** Qlik's form: adds users by e-mail address, without an invitation link. */
export const addInvitees = ({ store }: UsersDependencies) =>
  bind(inviteUsers, async ({ body }, { caller }) => {
    assertAdministrator(caller);
    const data = await store.transaction(async (tx) => {
      const results = [];
      for (const { email, name } of body.invitees ?? []) {
        const known = await userByEmail(tx, caller.tenantId, email);
        const added = { subject: newUuid(), name: name ?? email, email, roles: [] };
        const row = known ?? newUser(caller, added, store.clock.iso());
        if (!known) await insertUser(tx, caller, row);
        results.push({ email, status: known ? 'exists' : 'ok', subject: row.subject, userId: row.id });
      }
      return results;
    });
    return { status: 207, body: { data } };
  });

export const changeUser = ({ store, authenticator, offboarding }: UsersDependencies) =>
  bind(patchUser, async ({ params, body }, { caller }) => {
    assertAdministrator(caller);
    await store.transaction(async (tx) => {
      const row = await findUser(tx, caller, params.userId);
      const changed = patchUserRow(row, body);
      const administers = changed.status === 'active' && rolesOf(changed).includes('TenantAdmin');
      if (!administers) await assertNotLastAdministrator(tx, row, store.clock.iso());
      await tx
        .updateTable('user')
        .set({ ...changed, updated_at: store.clock.iso() })
        .where('id', '=', row.id)
        .where('tenant_id', '=', row.tenant_id)
        .execute();
      // Also on return: another node may have served the disabled user for up to a second longer, and whatever came of
      // that must end before the user is back.
      const isBack = changed.status === 'active' && row.status === 'disabled';
      if (changed.status === 'disabled' || isBack) await offboarding.apply(tx, row, caller);
      const isDisabled = changed.status === 'disabled' && row.status === 'active';
      await record(tx, {
        name: isDisabled ? 'user.disabled' : 'user.updated',
        by: caller,
        resourceId: row.id,
        data: { paths: body.map((operation) => operation.path) },
      });
    });
    authenticator.forget();
    offboarding.send();
    return { status: 204 };
  });

export const removeUser = ({ store, authenticator, offboarding }: UsersDependencies) =>
  bind(deleteUser, async ({ params }, { caller }) => {
    assertAdministrator(caller);
    await store.transaction(async (tx) => {
      const row = await findUser(tx, caller, params.userId);
      assertNotMachine(row);
      await assertNotLastAdministrator(tx, row, store.clock.iso());
      await offboarding.remove(tx, row, caller);
      await record(tx, {
        name: 'user.deleted',
        by: caller,
        resourceId: row.id,
        data: { subject: row.subject },
      });
    });
    authenticator.forget();
    offboarding.send();
    return { status: 204 };
  });
