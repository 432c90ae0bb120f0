import type {
  deleteOAuthClient,
  getOAuthClient,
  listOAuthClients,
} from '@mooring/contract/routes/oauth-clients';
import { record } from '../../../core/audit/record.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import type { Handler } from '../../http/handler.js';
import { readList, turnPage } from '../../http/keyset.js';
import { assertAdministrator, findClient, type OAuthClientsDependencies } from './client-access.js';
import { clientFilter, clientOrder, presentClient, secretsOf } from './client-store.js';

export const listClients =
  ({ store, publicUrl }: OAuthClientsDependencies): Handler<typeof listOAuthClients> =>
  async ({ query }, { caller, request }) => {
    assertAdministrator(caller);
    const page = readList(query, clientOrder);
    let matching = store.db.selectFrom('oauth_client').where('tenant_id', '=', caller.tenantId);
    if (query.filter) matching = matching.where(scimCondition(query.filter, clientFilter));
    const rows = await matching
      .selectAll()
      .where(page.condition)
      .orderBy(page.order)
      .limit(page.fetch)
      .execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
    const secrets = await secretsOf(store.db, shown);
    const data = shown.map((row) => presentClient(row, secrets));
    if (!query.totalResults) return { status: 200, body: { data, links } };
    const { total } = await matching
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return { status: 200, body: { data, links, totalResults: Number(total) } };
  };

export const showClient =
  ({ store }: OAuthClientsDependencies): Handler<typeof getOAuthClient> =>
  async ({ params }, { caller }) => {
    const row = await findClient(store.db, caller, params.id);
    return { status: 200, body: presentClient(row, await secretsOf(store.db, [row])) };
  };

export const removeClient =
  ({ store, authenticator, offboarding }: OAuthClientsDependencies): Handler<typeof deleteOAuthClient> =>
  async ({ params }, { caller }) => {
    const row = await findClient(store.db, caller, params.id);
    await store.transaction(async (tx) => {
      await findClient(tx, caller, row.id);
      // The client, its secrets and its tokens are deleted with its user.
      await offboarding.remove(tx, { id: row.user_id, tenant_id: row.tenant_id }, caller);
      await record(tx, {
        name: 'oauth-client.deleted',
        by: caller,
        resourceId: row.id,
        data: { clientName: row.name },
      });
    });
    authenticator.forget();
    offboarding.send();
    return { status: 204 };
  };
