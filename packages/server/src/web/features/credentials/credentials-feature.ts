import {
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
import { isAdministratorOf } from '../../../core/access/matrix.js';
import type { Revoker } from '../../../core/credentials/grants.js';
import type { CredentialEntry } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import { afterChange } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { unconditional } from '../../http/revision.js';
import { createCredential } from './create-credential.js';
import { presentCredential, presentCredentials, presentOrphan } from './credential-presenter.js';
import { credentialsOf, orphanedCredentials } from './credential-store.js';
import { findCredential, findCredentials } from './find-credential.js';
import {
  assertSameCredential,
  type UpdateDependencies,
  updateCredential,
  updateOfPatch,
} from './update-credential.js';

export interface CredentialsDependencies extends UpdateDependencies {
  credentialEntry: CredentialEntry;
  revoker: Revoker;
  publicUrl: () => string;
}

const credentialOrder: ListOrder = {
  sorts: { created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+created',
  limitDefault: 100,
};

async function listPage(
  deps: CredentialsDependencies,
  caller: Caller,
  query: z.output<typeof listCredentials.query>,
  requestUrl: string,
) {
  const ownerId = query.userId ?? caller.userId;
  if (ownerId !== caller.userId && !isAdministratorOf(caller, 'personal')) {
    throw new AppError(
      'ACCESS-DENIED',
      "userId: only tenant administrators may list another user's credentials.",
    );
  }
  const page = readList(query, credentialOrder);
  const owner = { tenantId: caller.tenantId, userId: ownerId };
  const rows = await credentialsOf(deps.store.db, owner, query.datasourceID)
    .where(page.condition)
    .orderBy(page.order)
    .limit(page.fetch)
    .execute();
  const { shown, links } = turnPage(page, rows, deps.publicUrl(), requestUrl);
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
      const rows = await orphanedCredentials(db, caller, isAdministratorOf(caller, 'personal'), {
        ...(body.datasourceID === undefined ? {} : { sourceId: body.datasourceID }),
        ...(body.qSeparated === undefined ? {} : { separated: body.qSeparated }),
      });
      const data = rows
        .map((row) => presentOrphan(deps, row))
        .filter((orphan) => body.qType === undefined || orphan.qType === body.qType);
      return { status: 200, body: { count: data.length, data } };
    }),
  ];
}
