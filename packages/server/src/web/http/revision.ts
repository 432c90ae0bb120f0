import type { Route } from '@mooring/contract/route';
import type { Caller } from '../../core/access/caller.js';
import { sha256 } from '../../core/crypto/digest.js';
import { AppError } from '../../core/errors/app-error.js';
import type { Queryable } from '../../core/store/queryable.js';
import type { Tables } from '../../core/store/tables.js';

/** Tables whose rows clients may change on condition. */
export type RevisedTable = NonNullable<Route['etag']>;

/**
 * The version of the row that a request is about. Code that loads the row notes it; the transaction that changes the
 * row checks it. Routes with `etag` have one in their scope, whether or not the client sent `If-Match`, and fail when
 * it was not used.
 */
export interface Revision<Table extends RevisedTable = RevisedTable> {
  /** @throws AppError PRECONDITION-FAILED unless it is a version that the client expects */
  note(row: Tables[Table]): void;
  /**
   * Call it inside the transaction that changes the row, and before effects that a rollback cannot undo.
   * @throws AppError PRECONDITION-FAILED when the row has changed since it was noted
   */
  check(db: Queryable): Promise<void>;
}

/** Who asks, and for which version of the row: the part of a request's scope that operations on the row need. */
export interface RevisedBy<Table extends RevisedTable> {
  caller: Caller;
  revision: Revision<Table>;
}

/** For requests that cannot be conditional, such as bulk updates. */
export const unconditional: Revision = { note: () => {}, check: async () => {} };

/** Changes whenever a column does. Rows of these tables hold no secret. */
const versionOf = (row: Tables[RevisedTable]): string => sha256(JSON.stringify(row)).slice(0, 27);

const changed = () =>
  new AppError(
    'PRECONDITION-FAILED',
    'If-Match: the resource has changed since you read it. Read it again and repeat the change.',
  );

async function currentVersion(
  db: Queryable,
  table: RevisedTable,
  { id, tenant_id }: Pick<Tables[RevisedTable], 'id' | 'tenant_id'>,
): Promise<string | undefined> {
  const row = await db
    .selectFrom(table)
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenant_id)
    .executeTakeFirst();
  return row && versionOf(row);
}

/** @param expected versions that `If-Match` accepts; absent: any */
export function createRevision(table: RevisedTable, expected: ReadonlySet<string> | undefined) {
  let noted: { row: Tables[RevisedTable]; version: string } | undefined;
  let isChecked = false;
  const revision: Revision = {
    note(row) {
      const version = versionOf(row);
      if (expected && !expected.has(version)) throw changed();
      noted = { row, version };
    },
    async check(db) {
      if (!noted) throw new Error(`the revision of a ${table} is checked before it is noted`);
      isChecked ||= db.isTransaction;
      if (expected && (await currentVersion(db, table, noted.row)) !== noted.version) throw changed();
    },
  };
  return {
    revision,
    /** The version that was read. @throws Error when no row was noted */
    read(): string {
      if (!noted) throw new Error(`a request about a ${table} noted no revision`);
      return noted.version;
    },
    /** @throws Error when no transaction checked the revision */
    assertChecked(): void {
      if (!isChecked) throw new Error(`a request changed a ${table} without checking its revision`);
    },
  };
}
