import {
  clientChangeSchema,
  createOAuthClient,
  deleteOAuthClient,
  getOAuthClient,
  listOAuthClients,
  type OAuthClientChange,
  patchOAuthClient,
} from '@mooring/contract/routes/oauth-clients';
import type { PatchBody } from '@mooring/contract/wire';
import { applyPatch, Pointer } from 'rfc6902';
import { record } from '../../../core/audit/record.js';
import { newHex, newObjectId } from '../../../core/crypto/random.js';
import { invalidField } from '../../../core/errors/app-error.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { countRows } from '../../../core/store/count-rows.js';
import type { OAuthClientTable } from '../../../core/store/tables.js';
import { bind } from '../../http/handler.js';
import { fetchPage } from '../../http/keyset.js';
import { assertMayMakeSecrets, isStillThere } from './client-secrets.js';
import {
  addSecret,
  assertAdministrator,
  clientFilter,
  clientOrder,
  findClient,
  type OAuthClientsDependencies,
  presentClient,
  rolesFor,
  scopesOf,
  secretsOf,
} from './client-store.js';

export const listClients = ({ store, publicUrl }: OAuthClientsDependencies) =>
  bind(listOAuthClients, async ({ query }, { caller, request }) => {
    assertAdministrator(caller);
    let matching = store.db.selectFrom('oauth_client').where('tenant_id', '=', caller.tenantId);
    if (query.filter) matching = matching.where(scimCondition(query.filter, clientFilter));
    const self = publicUrl() + request.url;
    const { shown, links } = await fetchPage(matching.selectAll(), query, clientOrder, self);
    const secrets = await secretsOf(store.db, shown);
    const data = shown.map((row) => presentClient(row, secrets));
    const total = query.totalResults ? { totalResults: await countRows(matching) } : {};
    return { status: 200, body: { data, links, ...total } };
  });

/** Makes a client, its first secret and the machine user that it acts as. */
export const makeClient = (deps: OAuthClientsDependencies) =>
  bind(
    createOAuthClient,
    async ({ body }, { caller }) => {
      assertAdministrator(caller);
      const { store, hashToken } = deps;
      const at = store.clock.iso();
      const scopes = [...new Set(body.allowedScopes ?? (['user_default'] as const))];
      const row: OAuthClientTable = {
        id: newHex(16),
        tenant_id: caller.tenantId,
        user_id: newObjectId(),
        name: body.clientName,
        description: body.description ?? '',
        app_type: 'web',
        allowed_scopes: JSON.stringify(scopes),
        client_uri: body.clientUri ?? '',
        logo_uri: body.logoUri ?? '',
        created_at: at,
        created_by: caller.userId,
        updated_at: at,
      };
      const { clientSecret, row: secret } = await store.transaction(async (tx) => {
        await assertMayMakeSecrets(tx, caller);
        await tx
          .insertInto('user')
          .values({
            id: row.user_id,
            tenant_id: row.tenant_id,
            subject: `qlikbot\\${row.id}`,
            name: row.name,
            email: null,
            status: 'active',
            roles: rolesFor(scopes),
            client_id: row.id,
            created_at: at,
            updated_at: at,
          })
          .execute();
        await tx.insertInto('oauth_client').values(row).execute();
        await record(tx, {
          name: 'oauth-client.created',
          by: caller,
          resourceId: row.id,
          data: { clientName: row.name, scopes, userId: row.user_id },
        });
        return addSecret(tx, row, [], { by: caller.userId, at, hashToken });
      });
      return { status: 201, body: { ...presentClient(row, [secret]), clientSecret } };
    },
    isStillThere(deps),
  );

export const showClient = ({ store }: OAuthClientsDependencies) =>
  bind(getOAuthClient, async ({ params }, { caller }) => {
    const row = await findClient(store.db, caller, params.id);
    return { status: 200, body: presentClient(row, await secretsOf(store.db, [row])) };
  });

/** @throws InvalidRequest naming the path */
function patched(row: OAuthClientTable, patch: PatchBody): OAuthClientChange {
  const document: OAuthClientChange = {
    clientName: row.name,
    description: row.description,
    clientUri: row.client_uri,
    logoUri: row.logo_uri,
    allowedScopes: scopesOf(row),
    allowedGrantTypes: ['client_credentials'],
  };
  for (const { op, path, value } of patch) {
    const [member = ''] = Pointer.fromJSON(path).tokens.slice(1);
    if (!Object.hasOwn(document, member)) {
      throw invalidField(path.slice(0, 128), 'cannot be changed here');
    }
    const [problem] = applyPatch(document, [op === 'remove' ? { op, path } : { op, path, value }]);
    if (problem) throw invalidField(path.slice(0, 128), 'does not exist');
  }
  // Removed members that a client can do without become empty.
  const whole = Object.assign({ description: '', clientUri: '', logoUri: '' }, document);
  return parseInput(clientChangeSchema, whole, 'patch');
}

/** Changes a client, and name and roles of its user with it. */
export const changeClient = ({ store, authenticator }: OAuthClientsDependencies) =>
  bind(patchOAuthClient, async ({ params, body }, { caller }) => {
    await store.transaction(async (tx) => {
      const row = await findClient(tx, caller, params.id);
      const change = patched(row, body);
      const updated_at = store.clock.iso();
      const scopes = [...new Set(change.allowedScopes)];
      await tx
        .updateTable('oauth_client')
        .set({
          name: change.clientName,
          description: change.description,
          client_uri: change.clientUri,
          logo_uri: change.logoUri,
          allowed_scopes: JSON.stringify(scopes),
          updated_at,
        })
        .where('id', '=', row.id)
        .where('tenant_id', '=', row.tenant_id)
        .execute();
      await tx
        .updateTable('user')
        .set({ name: change.clientName, roles: rolesFor(scopes), updated_at })
        .where('id', '=', row.user_id)
        .where('tenant_id', '=', row.tenant_id)
        .execute();
      await record(tx, { name: 'oauth-client.updated', by: caller, resourceId: row.id, data: { scopes } });
    });
    authenticator.forget();
    return { status: 204 };
  });

export const removeClient = ({ store, authenticator, offboarding }: OAuthClientsDependencies) =>
  bind(deleteOAuthClient, async ({ params }, { caller }) => {
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
  });
