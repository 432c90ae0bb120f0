import type { SignInMethod } from '@mooring/connectors/interface/sign-in';
import { qlikNamesOf } from '@mooring/connectors/qlik/names';
import type { updateCredential as putRoute } from '@mooring/contract/routes/data-credentials';
import { nameSchema, type PatchBody } from '@mooring/contract/wire';
import type { z } from 'zod';
import type { Caller } from '../../../core/access/caller.js';
import { loadConnection } from '../../../core/access/connection-access.js';
import { recordCredential } from '../../../core/audit/record.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import {
  assertNameFree,
  type LoginUpdates,
  loginPair,
  loginProperties,
  nameKey,
} from '../../../core/credentials/records.js';
import { linkAndConfirm } from '../../../core/credentials/resolve.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Queryable, Tx } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';

type PutBody = z.output<typeof putRoute.body>;

/** What a PUT or PATCH of a credential asks for; absent members stay as they are. */
type CredentialUpdate = Partial<Pick<PutBody, 'qName' | 'qUsername' | 'qPassword' | 'connectionId'>>;

export interface UpdateDependencies {
  store: Store;
  catalogue: Catalogue;
  logins: LoginUpdates;
}

export const credentialNameTaken = () =>
  new AppError('CONFLICT', 'qName: you already have a credential of this name for this data source.');

const patchable: Readonly<Record<string, keyof CredentialUpdate>> = {
  '/qname': 'qName',
  '/qusername': 'qUsername',
  '/qpassword': 'qPassword',
  '/connectionid': 'connectionId',
};

/** @throws InvalidRequest naming the path */
export function updateOfPatch(patch: PatchBody): CredentialUpdate {
  const update: CredentialUpdate = {};
  for (const { op, path, value } of patch) {
    const member = patchable[path.toLowerCase()];
    const field = path.slice(0, 128);
    if (!member) throw invalidField(field, 'cannot be changed');
    if (op === 'remove') throw invalidField(field, 'cannot be removed');
    if (typeof value !== 'string' || value.length > 10_000)
      throw invalidField(field, 'must be a string of at most 10000 characters');
    update[member] = member === 'qName' ? parseInput(nameSchema, value, 'qName') : value;
  }
  return update;
}

/** @throws InvalidRequest for members of a PUT that cannot be changed, where they differ */
export function assertSameCredential(
  { catalogue }: Pick<UpdateDependencies, 'catalogue'>,
  body: PutBody,
  row: CredentialTable,
): void {
  if (body.qID !== undefined && body.qID !== row.id)
    throw invalidField('qID', 'must be the id of the credential');
  if (body.datasourceID !== undefined && body.datasourceID.toLowerCase() !== row.source_id.toLowerCase())
    throw invalidField('datasourceID', 'cannot be changed');
  if (body.qType !== qlikNamesOf(catalogue.get(row.source_id)).provider)
    throw invalidField('qType', 'cannot be changed');
  if (body.qSeparated !== undefined && body.qSeparated !== row.separated)
    throw invalidField(
      'qSeparated',
      'cannot be changed here: PATCH /qSeparateCredentials of the connection, which keeps the credential',
    );
}

function methodOf(catalogue: Catalogue, row: CredentialTable): SignInMethod {
  const method = catalogue.get(row.source_id).signIns.find((candidate) => candidate.id === row.sign_in);
  if (!method) throw invalidField('qID', 'uses a sign-in method that this data source no longer has');
  return method;
}

/**
 * The connection to link a separated credential to; undefined if it is the credential's own.
 * @throws InvalidRequest; AppError NOT-FOUND, the same for unknown connections and those of others
 */
async function linkTarget(
  db: Queryable,
  caller: Caller,
  row: CredentialTable,
  id: string,
): Promise<ConnectionTable | undefined> {
  if (id === (row.connection_id ?? '')) return undefined;
  if (row.separated === 0)
    throw invalidField(
      'connectionId',
      'Connection ID changed: an embedded credential stays with its connection',
    );
  const found = await loadConnection(db, caller, { id: id.toLowerCase() });
  if (!found?.mayUse)
    throw new AppError('NOT-FOUND', 'connectionId: there is no such connection, or you may not use it.');
  if (found.row.source_id !== row.source_id || found.row.separated === 0)
    throw invalidField(
      'connectionId',
      'must be a connection of the same data source with separated credentials',
    );
  return found.row;
}

async function rename(
  tx: Tx,
  caller: Caller,
  row: CredentialTable,
  { name, at }: { name: string; at: string },
): Promise<void> {
  if (row.separated === 1 && nameKey(name) !== row.name_key) await assertNameFree(tx, caller, name, 'qName');
  await tx
    .updateTable('credential')
    .set({ name, name_key: nameKey(name), updated_at: at })
    .where('id', '=', row.id)
    .where('owner_id', '=', caller.userId)
    .where('tenant_id', '=', caller.tenantId)
    .execute();
}

/** @throws InvalidRequest; AppError NOT-FOUND, CONFLICT, PRECONDITION-FAILED */
export async function updateCredential(
  { store, catalogue, logins }: UpdateDependencies,
  { caller, revision }: RevisedBy<'credential'>,
  row: CredentialTable,
  update: CredentialUpdate,
): Promise<void> {
  const { qName: name, connectionId } = update;
  const manifest = catalogue.get(row.source_id);
  const at = store.clock.iso();
  const connection =
    connectionId === undefined ? undefined : await linkTarget(store.db, caller, row, connectionId);
  const hasLogin = update.qUsername !== undefined || update.qPassword !== undefined;
  const fields = hasLogin ? loginProperties(methodOf(catalogue, row), loginPair(update)) : undefined;
  await store
    .transaction(async (tx) => {
      await revision.check(tx);
      if (name !== undefined && name !== row.name) await rename(tx, caller, row, { name, at });
      if (fields && !(await logins.update(tx, row, manifest, { fields, entered: { by: caller, at } })))
        throw new AppError(
          'CONFLICT',
          'The credential has been changed by another request since. Repeat the change.',
        );
      if (connection) await linkAndConfirm(tx, caller, { manifest, connection, credentialId: row.id, at });
      if (name !== undefined || fields !== undefined)
        await recordCredential(tx, 'updated', { ...row, name: name ?? row.name }, caller);
    })
    .catch(ifTaken(credentialNameTaken));
}
