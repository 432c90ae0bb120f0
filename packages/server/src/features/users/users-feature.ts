import { createUser, getMe, listUsers, type UserReply } from '@mooring/contract/routes/users';
import { isAdministratorOf } from '../../access/matrix.js';
import { AppError } from '../../http/app-error.js';
import { type BoundRoute, bind, type Caller } from '../../http/handler.js';
import { nextLink, readPage } from '../../http/page.js';
import { isUniqueViolation, type Store } from '../../store/store.js';
import type { UserTable } from '../../store/tables.js';
import { newObjectId } from '../../vault/random.js';

export interface UsersDependencies {
  store: Store;
  publicUrl: () => string;
}

export function createUsersFeature({ store, publicUrl }: UsersDependencies): BoundRoute[] {
  const present = (row: UserTable): UserReply => ({
    id: row.id,
    tenantId: row.tenant_id,
    subject: row.subject,
    name: row.name,
    ...(row.email === null ? {} : { email: row.email }),
    status: row.status,
    roles: JSON.parse(row.roles) as string[],
    assignedRoles: (JSON.parse(row.roles) as string[]).map((name) => ({
      id: name,
      name,
      type: 'default',
      level: 'admin',
    })),
    created: row.created_at,
    createdAt: row.created_at,
    lastUpdated: row.updated_at,
    lastUpdatedAt: row.updated_at,
    links: { self: { href: `${publicUrl()}/api/v1/users/${row.id}` } },
  });

  const load = async (caller: Caller): Promise<UserTable> =>
    store.db
      .selectFrom('user')
      .selectAll()
      .where('id', '=', caller.userId)
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirstOrThrow();

  return [
    bind(getMe, async (_input, { caller }) => ({ status: 200, body: present(await load(caller)) })),
    bind(listUsers, async ({ query }, { caller, request }) => {
      const page = readPage(query, 100);
      let statement = store.db.selectFrom('user').selectAll().where('tenant_id', '=', caller.tenantId);
      if (page.afterId !== undefined) statement = statement.where('id', '>', page.afterId);
      const rows = await statement
        .orderBy('id')
        .limit(page.limit + 1)
        .execute();
      const shown = rows.slice(0, page.limit);
      const links = nextLink(
        publicUrl(),
        request.url,
        rows.length > page.limit ? shown.at(-1)?.id : undefined,
      );
      return { status: 200, body: { data: shown.map(present), links } };
    }),
    bind(createUser, async ({ body }, { caller }) => {
      if (!isAdministratorOf(caller, 'personal')) {
        throw new AppError('ACCESS-DENIED', 'Only tenant administrators may add people.');
      }
      const at = new Date().toISOString();
      const row: UserTable = {
        id: newObjectId(),
        tenant_id: caller.tenantId,
        subject: body.subject,
        name: body.name ?? body.subject,
        email: body.email ?? null,
        status: 'active',
        roles: JSON.stringify(body.roles ?? []),
        created_at: at,
        updated_at: at,
      };
      try {
        await store.db.insertInto('user').values(row).execute();
      } catch (error) {
        if (isUniqueViolation(error))
          throw new AppError('CONFLICT', 'subject: a person with this subject exists.');
        throw error;
      }
      return { status: 201, body: present(row) };
    }),
  ];
}
