import {
  clientChangeSchema,
  createOAuthClient,
  createOAuthClientSecret,
  deleteOAuthClient,
  deleteOAuthClientSecret,
  getOAuthClient,
  listOAuthClients,
  type OAuthClientChange,
  patchOAuthClient,
} from '@mooring/contract/routes/oauth-clients';
import type { PatchBody } from '@mooring/contract/wire';
import { applyPatch, Pointer } from 'rfc6902';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { assertOwnKey } from '../../../core/access/issue-key.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { newHex, newObjectId } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import type { OAuthClientTable } from '../../../core/store/tables.js';
import type { HashToken } from '../../../core/vault/token-hashes.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { readList, turnPage } from '../../http/keyset.js';
import {
  addSecret,
  clientFilter,
  clientOrder,
  presentClient,
  rolesFor,
  scopesOf,
  secretsOf,
} from './client-store.js';

export interface OAuthClientsDependencies {
  store: Store;
  authenticator: Authenticator;
  hashToken: HashToken;
  offboarding: Offboarding;
  publicUrl: () => string;
}

const secretsMax = 5;

const unknownClient = () => new AppError('NOT-FOUND', 'There is no such OAuth client.');

function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may see or change OAuth clients.');
  }
}

/**
 * A client and its secrets outlive what they were made with, so only a user's own key makes them, and none that came
 * from an invitation and awaits approval.
 */
async function assertMayMakeSecrets(tx: Queryable, caller: Caller): Promise<void> {
  await assertOwnKey(tx, caller);
  if (caller.wayIn?.reachesSince === undefined) return;
  throw new AppError(
    'ACCESS-DENIED',
    'This key awaits approval, and makes nothing that lasts. Approve it with a key that you had before the invitation.',
  );
}

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
  // What was removed is empty where a client can be without it.
  const whole = Object.assign({ description: '', clientUri: '', logoUri: '' }, document);
  return parseInput(clientChangeSchema, whole, 'patch');
}

/** OAuth clients and their secrets. */
export function createOAuthClientsFeature(deps: OAuthClientsDependencies): BoundRoute[] {
  const { store, authenticator, hashToken, offboarding, publicUrl } = deps;

  const find = async (db: Queryable, caller: Caller, id: string): Promise<OAuthClientTable> => {
    assertAdministrator(caller);
    const row = await db
      .selectFrom('oauth_client')
      .selectAll()
      .where('id', '=', id)
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirst();
    if (!row) throw unknownClient();
    return row;
  };

  const list = bind(listOAuthClients, async ({ query }, { caller, request }) => {
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
  });

  const isStillThere = async (
    { clientSecret }: Record<string, unknown>,
    caller: Caller,
  ): Promise<boolean> => {
    const secret = await store.db
      .selectFrom('oauth_client_secret')
      .select('hint')
      .where('secret_hash', '=', hashToken(String(clientSecret)))
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirst();
    return secret !== undefined;
  };

  const create = bind(
    createOAuthClient,
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
    },
    isStillThere,
  );

  const patch = bind(patchOAuthClient, async ({ params, body }, { caller }) => {
    await store.transaction(async (tx) => {
      const row = await find(tx, caller, params.id);
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
  });

  const remove = bind(deleteOAuthClient, async ({ params }, { caller }) => {
    const row = await find(store.db, caller, params.id);
    await store.transaction(async (tx) => {
      await find(tx, caller, row.id);
      // The client, its secrets and tokens go with its user.
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

  return [
    list,
    create,
    bind(getOAuthClient, async ({ params }, { caller }) => {
      const row = await find(store.db, caller, params.id);
      return { status: 200, body: presentClient(row, await secretsOf(store.db, [row])) };
    }),
    patch,
    remove,
    bind(
      createOAuthClientSecret,
      async ({ params }, { caller }) => {
        const { clientSecret, row } = await store.transaction(async (tx) => {
          await assertMayMakeSecrets(tx, caller);
          const client = await find(tx, caller, params.id);
          const others = await secretsOf(tx, [client]);
          if (others.length >= secretsMax) {
            throw new AppError('CONFLICT', `A client has at most ${secretsMax} secrets. Delete one first.`);
          }
          const added = await addSecret(tx, client, others, { by: caller.userId, hashToken });
          await record(tx, {
            name: 'oauth-client-secret.created',
            by: caller,
            resourceId: added.row.hint,
            parentId: client.id,
          });
          return added;
        });
        return {
          status: 201,
          body: {
            clientId: row.client_id,
            hint: row.hint,
            createdAt: row.created_at,
            createdBy: row.created_by,
            clientSecret,
          },
        };
      },
      isStillThere,
    ),
    bind(deleteOAuthClientSecret, async ({ params }, { caller }) => {
      await store.transaction(async (tx) => {
        const client = await find(tx, caller, params.id);
        const result = await tx
          .deleteFrom('oauth_client_secret')
          .where('client_id', '=', client.id)
          .where('tenant_id', '=', client.tenant_id)
          .where('hint', '=', params.hint)
          .executeTakeFirst();
        if (result.numDeletedRows !== 1n)
          throw new AppError('NOT-FOUND', 'The client has no secret with this hint.');
        // Versions before made API keys with access tokens; such a key ends with the last secret behind it.
        if ((await secretsOf(tx, [client])).length === 0) {
          await tx
            .updateTable('api_key')
            .set({ revoked_at: new Date().toISOString() })
            .where('user_id', '=', client.user_id)
            .where('tenant_id', '=', client.tenant_id)
            .where('revoked_at', 'is', null)
            .execute();
        }
        await record(tx, {
          name: 'oauth-client-secret.deleted',
          by: caller,
          resourceId: params.hint,
          parentId: client.id,
        });
      });
      authenticator.forget();
      return { status: 204 };
    }),
  ];
}
