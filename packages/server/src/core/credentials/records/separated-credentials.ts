import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { nameSchema } from '@mooring/contract/wire';
import type { Caller } from '../../access/caller.js';
import { recordCredential } from '../../audit/record.js';
import { AppError, invalidField } from '../../errors/app-error.js';
import { type Argument, compileOnce } from '../../store/compile-once.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { changeCredential, nameKey } from './credential-records.js';
import { assertReaches } from './reach.js';

/** The owner of credentials. */
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
export async function ownSeparatedCredential(
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

const byNameKey = compileOnce((db, argument: Argument<Owned & Pick<CredentialTable, 'name_key'>>) =>
  db
    .selectFrom('credential')
    .select(['id', 'source_id'])
    .where('tenant_id', '=', argument('tenant_id'))
    .where('owner_id', '=', argument('owner_id'))
    .where('separated', '=', 1)
    .where('name_key', '=', argument('name_key'))
    .limit(1),
);

/** The user's separated credential of this name, for any source. */
async function named(db: Queryable, { tenant_id, owner_id }: Owned, name: string) {
  const [found] = await byNameKey(db, { tenant_id, owner_id, name_key: nameKey(name) });
  return found;
}

/** Whether no separated credential of the user has this name. */
export const isNameFree = async (db: Queryable, owned: Owned, name: string): Promise<boolean> =>
  (await named(db, owned, name)) === undefined;

/** A name has 256 characters; the rest is for the number. */
const numberedMax = 248;

/** Cuts no surrogate pair: the store does not take half of one. */
export const numbered = (name: string, number: number): string =>
  `${name.slice(0, numberedMax).replace(/\p{Cs}$/u, '')} (${number})`;

/**
 * The wanted name, or the first free one with a number.
 * @param first number to try
 */
export async function freeName(db: Queryable, owned: Owned, wanted: string, first: 1 | 2): Promise<string> {
  const rows = await separatedOf(db, owned).select('name_key').execute();
  const taken = new Set(rows.map(({ name_key }) => name_key));
  let name = wanted;
  for (let number = first; taken.has(nameKey(name)); number += 1) name = numbered(wanted, number);
  return name;
}

/** For a name that came as a property, which no schema of the contract validates. @throws InvalidRequest */
export function assertName(name: string, field = 'credentialsName'): void {
  const read = nameSchema.safeParse(name);
  const [issue] = read.error?.issues ?? [];
  if (issue) throw invalidField(field, issue.message);
}

/**
 * Names are unique per user: documented clients look a name up without its source.
 * @throws InvalidRequest for an invalid name; AppError CONFLICT if the caller has a separated credential of this name
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

/**
 * Makes an embedded credential a separated one of the user who entered it. Secrets, grant and allowed destinations stay, and
 * nothing is revoked.
 */
export async function separateCredential(
  tx: Tx,
  row: CredentialTable,
  wanted: string,
  { by, at }: { by: Caller; at: string },
): Promise<CredentialTable> {
  const name = await freeName(tx, row, wanted, 1);
  const belongs = { separated: 1, connection_id: null, name, name_key: nameKey(name), updated_at: at };
  await changeCredential(tx, row, belongs);
  await recordCredential(tx, 'updated', { ...row, name }, by);
  return { ...row, ...belongs };
}
