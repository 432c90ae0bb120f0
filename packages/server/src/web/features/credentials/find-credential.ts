import type { Caller } from '../../../core/access/caller.js';
import { nameKey } from '../../../core/credentials/records.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { parseUuid } from '../../../core/input/uuid.js';
import type { Db } from '../../../core/store/queryable.js';
import type { CredentialTable } from '../../../core/store/tables.js';
import type { RevisedBy } from '../../http/revision.js';
import { ownCredentials } from './credential-store.js';

export interface CredentialQuery {
  byCredentialName?: boolean | undefined;
  datasourceID?: string | undefined;
}

/**
 * A credential of the caller by id or name. `others` have the same name for another data source, which 0.1 allowed;
 * `row` is the newest.
 * @throws InvalidRequest, AppError NOT-FOUND
 */
export async function findCredentials(
  db: Db,
  caller: Caller,
  idOrName: string,
  query: CredentialQuery,
): Promise<{ row: CredentialTable; others: CredentialTable[] }> {
  const id = query.byCredentialName ? undefined : parseUuid(idOrName);
  if (!query.byCredentialName && id === undefined) {
    throw invalidField('qID', 'must be a UUID; to look up by name add byCredentialName=true');
  }
  const rows = await ownCredentials(db, caller, {
    ...(id === undefined ? { nameKey: nameKey(idOrName) } : { id }),
    ...(query.datasourceID ? { sourceId: query.datasourceID } : {}),
  });
  // A user names separated credentials; an embedded one only has the name of its connection.
  const separated = rows.filter((row) => row.separated === 1);
  const candidates = separated.length > 0 ? separated : rows;
  const row = candidates.at(-1);
  if (!row) throw new AppError('NOT-FOUND', 'You have no such credential.');
  return { row, others: candidates.slice(0, -1) };
}

/**
 * The credential to update or delete; notes its revision.
 * @throws InvalidRequest also for an ambiguous name; AppError NOT-FOUND, PRECONDITION-FAILED
 */
export async function findCredential(
  db: Db,
  { caller, revision }: RevisedBy<'credential'>,
  idOrName: string,
  query: CredentialQuery,
): Promise<CredentialTable> {
  const { row, others } = await findCredentials(db, caller, idOrName, query);
  if (others.length > 0) {
    const ids = [row, ...others].map(({ id, source_id }) => `${id} for ${source_id}`);
    throw invalidField('qID', `must be an id: several of your credentials have this name (${ids.join(', ')})`);
  }
  revision.note(row);
  return row;
}
