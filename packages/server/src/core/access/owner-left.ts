import type { Queryable } from '../store/queryable.js';
import type { ConnectionTable } from '../store/tables.js';
import type { Caller } from './caller.js';
import { spaceFacts } from './connection-access.js';
import { administersSpace } from './matrix.js';

// An embedded login ends with the user who entered it. So that their team can continue, an administrator of the space
// may take the connection over by entering the login again.

type Owned = Pick<ConnectionTable, 'owner_id' | 'tenant_id'>;

const ownersAtOnce = 400;

/** The connections whose owner is disabled. (A user who owns connections cannot be deleted.) */
export async function ownerlessOf<Row extends Owned>(
  db: Queryable,
  rows: readonly Row[],
): Promise<ReadonlySet<Row>> {
  const ownerIds = [...new Set(rows.map((row) => row.owner_id))];
  const gone = new Set<string>();
  for (let start = 0; start < ownerIds.length; start += ownersAtOnce) {
    const found = await db
      .selectFrom('user')
      .select('id')
      .where('id', 'in', ownerIds.slice(start, start + ownersAtOnce))
      .where('status', '<>', 'active')
      .execute();
    for (const { id } of found) gone.add(id);
  }
  return new Set(rows.filter((row) => gone.has(row.owner_id)));
}

export async function mayTakeOver(
  db: Queryable,
  caller: Caller,
  row: Owned & Pick<ConnectionTable, 'separated' | 'space_id'>,
): Promise<boolean> {
  if (row.separated === 1 || row.space_id === null) return false;
  const space = await spaceFacts(db, caller, row.space_id);
  return space !== undefined && administersSpace(caller, space) && (await ownerlessOf(db, [row])).has(row);
}
