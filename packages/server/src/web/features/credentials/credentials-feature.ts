import { destinationOf } from '@mooring/connectors/kit/properties';
import { isInteractive } from '@mooring/connectors/spec/sign-in';
import type { CredentialReply } from '@mooring/contract/routes/data-credentials';
import {
  createCredential,
  deleteCredential,
  filterOrphans,
  getCredential,
  listCredentials,
  patchCredential,
  updateCredential,
} from '@mooring/contract/routes/data-credentials';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { type Catalogue, splitProperties } from '../../../core/catalogue/catalogue.js';
import type { Revoker } from '../../../core/credentials/grants.js';
import {
  assertNameFree,
  type Bringing,
  type LoginChanges,
  nameKey,
  storeBrought,
} from '../../../core/credentials/records.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import { observeRow } from '../../../core/store/row-versions.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListOrder, readList, turnPage } from '../../http/keyset.js';
import { changeOfPatch, createCredentialChanger } from './credential-changes.js';
import { connectionCounts, orphanedCredentials, ownCredentials } from './credential-store.js';

export interface CredentialsDependencies {
  store: Store;
  catalogue: Catalogue;
  bringing: Bringing;
  logins: LoginChanges;
  revoker: Revoker;
  publicUrl: () => string;
}

const credentialOrder: ListOrder = {
  sorts: { created: 'created_at' },
  idColumn: 'id',
  sortDefault: '+created',
  limitDefault: 100,
};

const unknownCredential = () => new AppError('NOT-FOUND', 'You have no such credential.');

/** People's own credentials: find, list, bring, delete. Nothing here opens a secret. */
export function createCredentialsFeature(deps: CredentialsDependencies): BoundRoute[] {
  const { store, catalogue, bringing } = deps;

  /** The newest of that name, and those that 0.1 let have the same at another source. */
  const findAll = async (
    caller: Caller,
    idOrName: string,
    query: { byCredentialName?: boolean | undefined; datasourceID?: string | undefined },
  ): Promise<{ row: CredentialTable; others: CredentialTable[] }> => {
    if (!query.byCredentialName && parseUuid(idOrName) === undefined) {
      throw new InvalidRequest([
        { field: 'qID', message: 'must be a UUID; to look up by name add byCredentialName=true' },
      ]);
    }
    const rows = await ownCredentials(store.db, caller, {
      ...(query.byCredentialName ? { nameKey: nameKey(idOrName) } : { id: idOrName.toLowerCase() }),
      ...(query.datasourceID ? { sourceId: query.datasourceID } : {}),
    });
    // A separated credential is what a person named; an embedded one only carries its connection's name.
    const separated = rows.filter((row) => row.separated === 1);
    const candidates = separated.length > 0 ? separated : rows;
    const row = candidates.at(-1);
    if (!row) throw unknownCredential();
    return { row, others: candidates.slice(0, -1) };
  };

  /** The one that is meant; what changes or ends one does not guess. */
  const find = async (...asked: Parameters<typeof findAll>): Promise<CredentialTable> => {
    const { row, others } = await findAll(...asked);
    if (others.length > 0) {
      const ids = [row, ...others].map(({ id, source_id }) => `${id} for ${source_id}`);
      throw new InvalidRequest([
        {
          field: 'qID',
          message: `must be an id: several of your credentials have this name (${ids.join(', ')})`,
        },
      ]);
    }
    observeRow(asked[0], 'credential', row);
    return row;
  };

  const present = (row: CredentialTable, connectionCount: number): CredentialReply => ({
    connectionId: row.connection_id ?? '',
    created: row.created_at,
    datasourceID: row.source_id,
    links: { self: { href: `${deps.publicUrl()}/v1/data-credentials/${row.id}` } },
    qConnCount: connectionCount,
    qID: row.id,
    qName: row.name,
    qSeparated: row.separated,
    qType: catalogue.get(row.source_id).provider,
    updated: row.updated_at,
  });

  const presentAll = async (rows: readonly CredentialTable[]): Promise<CredentialReply[]> => {
    const counts = await connectionCounts(store.db, rows);
    return rows.map((row) => present(row, counts.get(row.id) ?? 0));
  };

  const create = bind(createCredential, async ({ body }, { caller }) => {
    const manifest = await catalogue.enabled(caller.tenantId, body.datasourceID);
    const split = splitProperties(manifest, body.connectionProperties);
    const name = body.qName ?? split.choice.credentialsName;
    const destination = destinationOf(manifest, split.definition);
    const request = { caller, manifest, split, connectionSecrets: split.connectionSecrets, destination };
    if (body.authUrlOnly && isInteractive(split.signIn.oauth)) {
      return { status: 201, body: await bringing.begin(request) };
    }
    if (name === undefined) throw new InvalidRequest([{ field: 'qName', message: 'is required' }]);
    await assertNameFree(store.db, caller, name);
    const brought = await bringing.complete(request);
    const target = { caller, manifest, signIn: split.signIn.id, destination, name };
    try {
      const id = await storeBrought(store, brought, (tx) => bringing.store(tx, target, brought));
      return { status: 201, body: present(await afterChange(() => find(caller, id, {})), 0) };
    } catch (error) {
      if (isUniqueViolation(error))
        throw new AppError('CONFLICT', 'qName: you have a credential of this name for this data source.');
      throw error;
    }
  });

  const change = createCredentialChanger(deps);
  const update = bind(updateCredential, async ({ params, query, body }, { caller }) => {
    const row = await find(caller, params.qID, query);
    if (body.qID !== undefined && body.qID !== row.id) {
      throw new InvalidRequest([{ field: 'qID', message: 'must be the id of the credential' }]);
    }
    if (body.datasourceID !== undefined && body.datasourceID.toLowerCase() !== row.source_id.toLowerCase()) {
      throw new InvalidRequest([{ field: 'datasourceID', message: 'cannot be changed' }]);
    }
    if (body.qType !== catalogue.get(row.source_id).provider) {
      throw new InvalidRequest([{ field: 'qType', message: 'cannot be changed' }]);
    }
    if (body.qSeparated !== undefined && body.qSeparated !== row.separated) {
      throw new InvalidRequest([
        {
          field: 'qSeparated',
          message:
            'cannot be changed here: PATCH /qSeparateCredentials of the connection, which keeps the credential',
        },
      ]);
    }
    await change(caller, row, body);
    return { status: 204 };
  });

  const orphans = bind(filterOrphans, async ({ body }, { caller }) => {
    const rows = await orphanedCredentials(store.db, caller, isAdministratorOf(caller, 'personal'), {
      ...(body.datasourceID === undefined ? {} : { sourceId: body.datasourceID }),
      ...(body.qSeparated === undefined ? {} : { separated: body.qSeparated }),
    });
    const data = rows
      .map((row) => ({
        qID: row.id,
        qName: row.name,
        qType: catalogue.get(row.source_id).provider,
        created: row.created_at,
        updated: row.updated_at,
        datasourceID: row.source_id,
        user: row.owner_id,
        tenant: row.tenant_id,
      }))
      .filter((orphan) => body.qType === undefined || orphan.qType === body.qType);
    return { status: 200, body: { count: data.length, data } };
  });

  return [
    bind(listCredentials, async ({ query }, { caller, request }) => {
      const ownerId = query.userId ?? caller.userId;
      if (ownerId !== caller.userId && !isAdministratorOf(caller, 'personal')) {
        throw new AppError(
          'ACCESS-DENIED',
          "userId: only tenant administrators may list somebody else's credentials.",
        );
      }
      const page = readList(query, credentialOrder);
      let statement = store.db
        .selectFrom('credential')
        .selectAll()
        .where('tenant_id', '=', caller.tenantId)
        .where('owner_id', '=', ownerId);
      if (query.datasourceID) statement = statement.where('source_id', '=', query.datasourceID);
      const rows = await statement.where(page.condition).orderBy(page.order).limit(page.fetch).execute();
      const { shown, links } = turnPage(page, rows, deps.publicUrl(), request.url);
      return { status: 200, body: { data: await presentAll(shown), links } };
    }),
    create,
    update,
    bind(patchCredential, async ({ params, query, body }, { caller }) => {
      await change(caller, await find(caller, params.qID, query), changeOfPatch(body));
      return { status: 204 };
    }),
    bind(getCredential, async ({ params, query }, { caller }) => {
      const { row, others } = await findAll(caller, params.qID, query);
      observeRow(caller, 'credential', row);
      const [reply] = await presentAll([row]);
      const same = others.map(({ id, source_id }) => `${source_id}=${id}`).join(', ');
      return { status: 200, body: reply, ...(same === '' ? {} : { headers: { 'mooring-same-name': same } }) };
    }),
    bind(deleteCredential, async ({ params, query }, { caller }) => {
      const row = await find(caller, params.qID, query);
      const ended = { tenantId: row.tenant_id, userId: row.owner_id, credentialId: row.id };
      await store.transaction(async (tx) => {
        await deps.revoker.end(tx, ended, { by: caller });
      });
      deps.revoker.kick();
      return { status: 204 };
    }),
    orphans,
  ];
}
