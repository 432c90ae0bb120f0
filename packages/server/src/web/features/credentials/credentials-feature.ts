import { isInteractive } from '@mooring/connectors/interface/sign-in';
import { destinationOf } from '@mooring/connectors/kit/properties';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import {
  type CredentialReply,
  createCredential as createRoute,
  deleteCredential,
  filterOrphans,
  getCredential,
  listCredentials,
  patchCredential,
  updateCredential as putRoute,
} from '@mooring/contract/routes/data-credentials';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import type { Revoker } from '../../../core/credentials/grants.js';
import { assertNameFree, type CredentialEntry, storeEntered } from '../../../core/credentials/records.js';
import type { BegunSignIn } from '../../../core/credentials/sign-ins.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { afterChange, ifTaken } from '../../../core/store/store-error.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListOrder } from '../../http/keyset.js';
import { unconditional } from '../../http/revision.js';
import {
  connectionCounts,
  credentialsOf,
  findCredential,
  findCredentials,
  orphanedCredentials,
} from './credential-store.js';
import {
  assertSameCredential,
  credentialNameTaken,
  type UpdateDependencies,
  updateCredential,
  updateOfPatch,
} from './update-credential.js';

interface CredentialsDependencies extends UpdateDependencies {
  credentialEntry: CredentialEntry;
  revoker: Revoker;
  publicUrl: () => string;
}

const presentCredential = (
  { catalogue, publicUrl }: CredentialsDependencies,
  row: CredentialTable,
  connectionCount: number,
): CredentialReply => ({
  connectionId: row.connection_id ?? '',
  created: row.created_at,
  datasourceID: row.source_id,
  links: { self: { href: `${publicUrl()}/v1/data-credentials/${row.id}` } },
  qConnCount: connectionCount,
  qID: row.id,
  qName: row.name,
  qSeparated: row.separated,
  qType: qlikNamesOf(catalogue.get(row.source_id)).provider,
  updated: row.updated_at,
});

async function presentCredentials(
  deps: CredentialsDependencies,
  rows: readonly CredentialTable[],
): Promise<CredentialReply[]> {
  const counts = await connectionCounts(deps.store.db, rows);
  return rows.map((row) => presentCredential(deps, row, counts.get(row.id) ?? 0));
}

const presentOrphan = ({ catalogue }: CredentialsDependencies, row: CredentialTable) => ({
  qID: row.id,
  qName: row.name,
  qType: qlikNamesOf(catalogue.get(row.source_id)).provider,
  created: row.created_at,
  updated: row.updated_at,
  datasourceID: row.source_id,
  user: row.owner_id,
  tenant: row.tenant_id,
});

/**
 * Stores a separated credential; with `authUrlOnly` it begins a sign-in instead, and stores nothing.
 * @throws InvalidRequest; AppError CONFLICT when the name is taken
 */
async function createCredential(
  { store, catalogue, credentialEntry }: CredentialsDependencies,
  caller: Caller,
  body: z.output<typeof createRoute.body>,
): Promise<{ begun: BegunSignIn } | { id: string }> {
  const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
  const split = splitProperties(manifest, body.connectionProperties);
  const name = body.qName ?? split.choice.credentialsName;
  const destination = destinationOf(manifest, split.definition);
  const request = { caller, manifest, split, connectionSecrets: split.connectionSecrets, destination };
  if (body.authUrlOnly && isInteractive(split.signIn.oauth))
    return { begun: await credentialEntry.begin(request) };
  if (name === undefined) throw invalidField('qName', 'is required');
  await assertNameFree(store.db, caller, name);
  const entered = await credentialEntry.complete(request);
  const target = { caller, manifest, signIn: split.signIn.id, destination, name };
  const stored = storeEntered(store, entered, (tx) => credentialEntry.store(tx, target, entered));
  return { id: await stored.catch(ifTaken(credentialNameTaken)) };
}

const credentialOrder: ListOrder = {
  sorts: { created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+created',
};

async function listPage(
  deps: CredentialsDependencies,
  caller: Caller,
  query: z.output<typeof listCredentials.query>,
  requestUrl: string,
) {
  const owner = { tenantId: caller.tenantId, userId: query.userId ?? caller.userId };
  if (owner.userId !== caller.userId && !isTenantAdministrator(caller))
    throw new AppError(
      'ACCESS-DENIED',
      "userId: only tenant administrators may list another user's credentials.",
    );
  const statement = credentialsOf(deps.store.db, owner, query.datasourceID);
  const { shown, links } = await fetchPage(statement, query, credentialOrder, deps.publicUrl() + requestUrl);
  return { data: await presentCredentials(deps, shown), links };
}

/** The caller's own credentials: find, list, add, update, delete. No secret is decrypted here. */
export function createCredentialsFeature(deps: CredentialsDependencies): BoundRoute[] {
  const { store, revoker } = deps;
  const { db } = store;

  return [
    bind(listCredentials, async ({ query }, { caller, request }) => ({
      status: 200,
      body: await listPage(deps, caller, query, request.url),
    })),
    bind(createRoute, async ({ body }, { caller }) => {
      const created = await createCredential(deps, caller, body);
      if ('begun' in created) return { status: 201, body: created.begun };
      const row = await afterChange(() =>
        findCredential(db, { caller, revision: unconditional }, created.id, {}),
      );
      return { status: 201, body: presentCredential(deps, row, 0) };
    }),
    bind(putRoute, async ({ params, query, body }, scope) => {
      const row = await findCredential(db, scope, params.qID, query);
      assertSameCredential(deps, body, row);
      await updateCredential(deps, scope, row, body);
      return { status: 204 };
    }),
    bind(patchCredential, async ({ params, query, body }, scope) => {
      const row = await findCredential(db, scope, params.qID, query);
      await updateCredential(deps, scope, row, updateOfPatch(body));
      return { status: 204 };
    }),
    bind(getCredential, async ({ params, query }, { caller, revision }) => {
      const { row, others } = await findCredentials(db, caller, params.qID, query);
      revision.note(row);
      const [reply] = await presentCredentials(deps, [row]);
      const same = others.map(({ id, source_id }) => `${source_id}=${id}`).join(', ');
      return { status: 200, body: reply, ...(same === '' ? {} : { headers: { 'mooring-same-name': same } }) };
    }),
    bind(deleteCredential, async ({ params, query }, scope) => {
      const { caller, revision } = scope;
      const row = await findCredential(db, scope, params.qID, query);
      const ended = { tenantId: row.tenant_id, userId: row.owner_id, credentialId: row.id };
      await store.transaction(async (tx) => {
        await revision.check(tx);
        await revoker.end(tx, ended, { by: caller });
      });
      revoker.kick();
      return { status: 204 };
    }),
    bind(filterOrphans, async ({ body }, { caller }) => {
      const rows = await orphanedCredentials(db, caller, isTenantAdministrator(caller), body);
      const data = rows
        .map((row) => presentOrphan(deps, row))
        .filter((orphan) => body.qType === undefined || orphan.qType === body.qType);
      return { status: 200, body: { count: data.length, data } };
    }),
  ];
}
