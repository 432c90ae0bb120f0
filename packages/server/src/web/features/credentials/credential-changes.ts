import type { SignInMethod } from '@mooring/connectors/spec/sign-in';
import { nameSchema, type PatchBody } from '@mooring/contract/wire';
import type { Caller } from '../../../core/access/caller.js';
import { loadConnection } from '../../../core/access/connection-access.js';
import { recordCredential } from '../../../core/audit/record.js';
import type { Catalogue } from '../../../core/catalogue/catalogue.js';
import {
  assertNameFree,
  type LoginChanges,
  loginPair,
  loginProperties,
  nameKey,
} from '../../../core/credentials/records.js';
import { chooseCredential } from '../../../core/credentials/resolve.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../../../core/store/tables.js';

/** What a PUT or PATCH of a credential asks for. */
export interface CredentialChange {
  qName?: string | undefined;
  qUsername?: string | undefined;
  qPassword?: string | undefined;
  connectionId?: string | undefined;
}

export interface CredentialChangesDependencies {
  store: Store;
  catalogue: Catalogue;
  logins: LoginChanges;
}

const invalid = (field: string, message: string) => new InvalidRequest([{ field, message }]);

const patchable: Readonly<Record<string, keyof CredentialChange>> = {
  '/qname': 'qName',
  '/qusername': 'qUsername',
  '/qpassword': 'qPassword',
  '/connectionid': 'connectionId',
};

/** @throws InvalidRequest naming the path */
export function changeOfPatch(patch: PatchBody): CredentialChange {
  const change: CredentialChange = {};
  for (const { op, path, value } of patch) {
    const member = patchable[path.toLowerCase()];
    const field = path.slice(0, 128);
    if (!member) throw invalid(field, 'cannot be changed');
    if (op === 'remove') throw invalid(field, 'cannot be removed');
    if (typeof value !== 'string' || value.length > 10_000) throw invalid(field, 'must be a text');
    change[member] = member === 'qName' ? parseInput(nameSchema, value, 'qName') : value;
  }
  return change;
}

export function createCredentialChanger({ store, catalogue, logins }: CredentialChangesDependencies) {
  const methodOf = (row: CredentialTable): SignInMethod => {
    const method = catalogue.get(row.source_id).signIns.find((candidate) => candidate.id === row.sign_in);
    if (!method) throw invalid('qID', 'signs in by a method that this data source no longer has');
    return method;
  };

  /** The connection that a separated credential is to be linked to; foreign and unknown ones are the same 404. */
  const linkTarget = async (
    caller: Caller,
    row: CredentialTable,
    id: string,
  ): Promise<ConnectionTable | undefined> => {
    if (id === (row.connection_id ?? '')) return undefined;
    if (row.separated === 0)
      throw invalid(
        'connectionId',
        'Connection ID changed: an embedded credential stays with its connection',
      );
    const found = await loadConnection(store.db, caller, { id: id.toLowerCase() });
    if (!found?.mayUse)
      throw new AppError('NOT-FOUND', 'connectionId: there is no such connection, or you may not use it.');
    if (found.row.source_id !== row.source_id || found.row.separated === 0) {
      throw invalid(
        'connectionId',
        'must be a connection of the same data source with separated credentials',
      );
    }
    return found.row;
  };

  return async (caller: Caller, row: CredentialTable, change: CredentialChange): Promise<void> => {
    const manifest = catalogue.get(row.source_id);
    const at = new Date().toISOString();
    const target =
      change.connectionId === undefined ? undefined : await linkTarget(caller, row, change.connectionId);
    const hasLogin = change.qUsername !== undefined || change.qPassword !== undefined;
    const fields = hasLogin ? loginProperties(methodOf(row), loginPair(change)) : undefined;
    try {
      await store.transaction(async (tx) => {
        if (change.qName !== undefined && change.qName !== row.name) {
          if (row.separated === 1 && nameKey(change.qName) !== row.name_key)
            await assertNameFree(tx, caller, change.qName, 'qName');
          await tx
            .updateTable('credential')
            .set({ name: change.qName, name_key: nameKey(change.qName), updated_at: at })
            .where('id', '=', row.id)
            .where('owner_id', '=', caller.userId)
            .where('tenant_id', '=', caller.tenantId)
            .execute();
        }
        if (fields && !(await logins.change(tx, row, manifest, fields, { by: caller, at }))) {
          throw new AppError(
            'CONFLICT',
            'The credential was changed by another request meanwhile. Repeat the change.',
          );
        }
        const isChanged = change.qName !== undefined || fields !== undefined;
        if (target)
          await chooseCredential(tx, caller, { manifest, connection: target, credentialId: row.id, at });
        if (isChanged)
          await recordCredential(tx, 'updated', { ...row, name: change.qName ?? row.name }, caller);
      });
    } catch (error) {
      if (isUniqueViolation(error))
        throw new AppError('CONFLICT', 'qName: you have a credential of this name for this data source.');
      throw error;
    }
  };
}
