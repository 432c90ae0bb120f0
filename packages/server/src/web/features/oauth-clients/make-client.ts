import type { createOAuthClient } from '@mooring/contract/routes/oauth-clients';
import { record } from '../../../core/audit/record.js';
import { newHex, newObjectId } from '../../../core/crypto/random.js';
import type { OAuthClientTable } from '../../../core/store/tables.js';
import type { Handler } from '../../http/handler.js';
import { assertAdministrator, type OAuthClientsDependencies } from './client-access.js';
import { assertMayMakeSecrets } from './client-secrets.js';
import { addSecret, presentClient, rolesFor } from './client-store.js';

/** Makes a client, its first secret and the machine user that it acts as. */
export const makeClient =
  ({ store, hashToken }: OAuthClientsDependencies): Handler<typeof createOAuthClient> =>
  async ({ body }, { caller }) => {
    assertAdministrator(caller);
    const at = new Date().toISOString();
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
      return addSecret(tx, row, [], { by: caller.userId, hashToken });
    });
    return { status: 201, body: { ...presentClient(row, [secret]), clientSecret } };
  };
