import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { nameSchema } from '@mooring/contract/wire';
import type { Caller } from '../../access/caller.js';
import { AppError, InvalidRequest } from '../../errors/app-error.js';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { nameKey } from './credential-records.js';
import { assertReaches } from './reach.js';

/** Whose credentials. */
type Owned = Pick<CredentialTable, 'tenant_id' | 'owner_id'>;

const ownedBy = ({ tenantId, userId }: Caller): Owned => ({ tenant_id: tenantId, owner_id: userId });

const separatedOf = (db: Queryable, { tenant_id, owner_id }: Owned) =>
  db
    .selectFrom('credential')
    .where('tenant_id', '=', tenant_id)
    .where('owner_id', '=', owner_id)
    .where('separated', '=', 1);

/**
 * A separated credential of the caller and of this source.
 * @throws AppError NOT-FOUND, the same for foreign and unknown ids; ACCESS-DENIED for one out of the caller's reach
 */
export async function selectedCredential(
  db: Queryable,
  caller: Caller,
  manifest: SourceManifest,
  credentialId: string,
): Promise<CredentialTable> {
  const row = await separatedOf(db, ownedBy(caller))
    .selectAll()
    .where('source_id', '=', manifest.id)
    .where('id', '=', credentialId.toLowerCase())
    .executeTakeFirst();
  if (!row) throw new AppError('NOT-FOUND', 'You have no credential with this id for this data source.');
  assertReaches(caller, row);
  return row;
}

/** The user's separated credential of this name, of whatever source. */
const named = (db: Queryable, owned: Owned, name: string) =>
  separatedOf(db, owned).select(['id', 'source_id']).where('name_key', '=', nameKey(name)).executeTakeFirst();

/** Whether the user has given the name to none of their separated credentials. */
export const isNameFree = async (db: Queryable, owned: Owned, name: string): Promise<boolean> =>
  (await named(db, owned, name)) === undefined;

/** What a number leaves of the 256 characters of a name. */
const numberedMax = 248;

/** A character of two UTF-16 code units is kept or left out, as the store keeps no half of one. */
export const numbered = (name: string, number: number): string =>
  `${name.slice(0, numberedMax).replace(/\p{Cs}$/u, '')} (${number})`;

/**
 * The name, or with a number behind it: the first that is free.
 * @param first of the numbers
 */
export async function freeName(db: Queryable, owned: Owned, wanted: string, first: 1 | 2): Promise<string> {
  const rows = await separatedOf(db, owned).select('name_key').execute();
  const taken = new Set(rows.map(({ name_key }) => name_key));
  let name = wanted;
  for (let number = first; taken.has(nameKey(name)); number += 1) name = numbered(wanted, number);
  return name;
}

/** Of a name that came as a property, which no schema of the contract has read. @throws InvalidRequest */
export function assertName(name: string, field = 'credentialsName'): void {
  const read = nameSchema.safeParse(name);
  const [issue] = read.error?.issues ?? [];
  if (issue) throw new InvalidRequest([{ field, message: issue.message }]);
}

/**
 * A name is of one credential: documented clients look it up without its source.
 * @throws InvalidRequest for what is no name; AppError CONFLICT when the caller has a separated credential of it
 */
export async function assertNameFree(
  db: Queryable,
  caller: Caller,
  name: string,
  field = 'credentialsName',
): Promise<void> {
  assertName(name, field);
  const other = await named(db, ownedBy(caller), name);
  if (other)
    throw new AppError(
      'CONFLICT',
      `${field}: you have a credential of this name, ${other.id} for ${other.source_id}. Choose another name, or use that one with selectedCredentials.`,
    );
}
