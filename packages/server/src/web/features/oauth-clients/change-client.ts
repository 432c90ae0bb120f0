import {
  clientChangeSchema,
  type OAuthClientChange,
  type patchOAuthClient,
} from '@mooring/contract/routes/oauth-clients';
import type { PatchBody } from '@mooring/contract/wire';
import { applyPatch, Pointer } from 'rfc6902';
import { record } from '../../../core/audit/record.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { OAuthClientTable } from '../../../core/store/tables.js';
import type { Handler } from '../../http/handler.js';
import { findClient, type OAuthClientsDependencies } from './client-access.js';
import { rolesFor, scopesOf } from './client-store.js';

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
      throw new InvalidRequest([{ field: path.slice(0, 128), message: 'cannot be changed here' }]);
    }
    const [problem] = applyPatch(document, [op === 'remove' ? { op, path } : { op, path, value }]);
    if (problem) throw new InvalidRequest([{ field: path.slice(0, 128), message: 'does not exist' }]);
  }
  // Removed members that a client can do without become empty.
  const whole = Object.assign({ description: '', clientUri: '', logoUri: '' }, document);
  return parseInput(clientChangeSchema, whole, 'patch');
}

/** Changes a client, and name and roles of its user with it. */
export const changeClient =
  ({ store, authenticator }: OAuthClientsDependencies): Handler<typeof patchOAuthClient> =>
  async ({ params, body }, { caller }) => {
    await store.transaction(async (tx) => {
      const row = await findClient(tx, caller, params.id);
      const change = patched(row, body);
      const updated_at = new Date().toISOString();
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
  };
