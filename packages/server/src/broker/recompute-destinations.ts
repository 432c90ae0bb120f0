import { destinationOf, destinationRule, withDefaults } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { type SqlBool, sql } from 'kysely';
import { record } from '../audit/record.js';
import type { Store, Tx } from '../store/store.js';
import type { ConnectionTable } from '../store/tables.js';
import { sha256 } from '../vault/digest.js';

// When a release judges destinations by more than the one before, or a source has a new property that decides, nobody
// is asked again: what people have allowed is written anew from the definitions as they stand.

const setting = 'destination-rule';
const rowsAtOnce = 500;

type Row = Pick<ConnectionTable, 'id' | 'tenant_id' | 'source_id' | 'properties' | 'destination'>;

function computed(manifest: SourceManifest | undefined, row: Row): string {
  try {
    const definition = JSON.parse(row.properties) as Record<string, unknown>;
    return manifest ? destinationOf(manifest, withDefaults(manifest, definition)) : row.destination;
  } catch {
    // Lists report such a connection; its credentials wait for their persons, as they do now.
    return row.destination;
  }
}

/** Credentials that are used on a connection: its embedded one, and those that people have linked. */
const usedOn = (tx: Tx, row: Row) =>
  tx
    .selectFrom('credential')
    .leftJoin('credential_link', 'credential_link.credential_id', 'credential.id')
    .where('credential.tenant_id', '=', row.tenant_id)
    .where((eb) =>
      eb.or([eb('credential.connection_id', '=', row.id), eb('credential_link.connection_id', '=', row.id)]),
    );

async function move(tx: Tx, row: Row, destination: string): Promise<boolean> {
  const moved = await tx
    .updateTable('connection')
    .set({ destination })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('destination', '=', row.destination)
    .executeTakeFirst();
  if (moved.numUpdatedRows !== 1n) return false;
  const allowed = await usedOn(tx, row)
    .innerJoin('credential_destination', 'credential_destination.credential_id', 'credential.id')
    .where('credential_destination.destination', '=', row.destination)
    .select(['credential.id', 'credential_destination.confirmed_at'])
    .distinct()
    .execute();
  for (const { id, confirmed_at } of allowed) {
    await tx
      .insertInto('credential_destination')
      .values({ tenant_id: row.tenant_id, credential_id: id, destination, confirmed_at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const another = await tx
      .selectFrom('credential_link')
      .innerJoin('connection', (join) =>
        join
          .onRef('connection.id', '=', 'credential_link.connection_id')
          .onRef('connection.tenant_id', '=', 'credential_link.tenant_id'),
      )
      .select('connection.id')
      .where('credential_link.credential_id', '=', id)
      .where('connection.tenant_id', '=', row.tenant_id)
      .where('connection.destination', '=', row.destination)
      .executeTakeFirst();
    if (another) continue;
    await tx
      .deleteFrom('credential_destination')
      .where('credential_id', '=', id)
      .where('tenant_id', '=', row.tenant_id)
      .where('destination', '=', row.destination)
      .execute();
  }
  await record(tx, {
    name: 'destination.recomputed',
    by: { tenantId: row.tenant_id, userId: 'system' },
    resourceId: row.id,
    data: { before: row.destination, destination, credentials: allowed.map(({ id }) => id) },
  });
  return true;
}

/**
 * Once for each rule, before anything is served. May be cut off anywhere and begun again.
 * @returns how many connections have another destination now
 */
export async function recomputeDestinations(
  store: Store,
  manifests: readonly SourceManifest[],
): Promise<number> {
  const rule = sha256(destinationRule(manifests));
  const known = await store.db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', setting)
    .executeTakeFirst();
  if (known?.value === rule) return 0;
  const byId = new Map(manifests.map((manifest) => [manifest.id, manifest]));
  let count = 0;
  for (let last = { tenant_id: '', id: '' }; ; ) {
    const rows = await store.db
      .selectFrom('connection')
      .select(['id', 'tenant_id', 'source_id', 'properties', 'destination'])
      .where(sql<SqlBool>`(tenant_id, id) > (${last.tenant_id}, ${last.id})`)
      .orderBy('tenant_id')
      .orderBy('id')
      .limit(rowsAtOnce)
      .execute();
    const moves = rows
      .map((row) => ({ row, destination: computed(byId.get(row.source_id), row) }))
      .filter(({ row, destination }) => destination !== row.destination);
    if (moves.length > 0) {
      count += await store.transaction(async (tx) => {
        let moved = 0;
        for (const { row, destination } of moves) moved += Number(await move(tx, row, destination));
        return moved;
      });
    }
    last = rows.at(-1) ?? last;
    if (rows.length < rowsAtOnce) break;
  }
  await store.db
    .insertInto('setting')
    .values({ name: setting, value: rule })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: rule }))
    .execute();
  return count;
}
