import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { exposedSecrets } from '@mooring/connectors/kit/exposed-secrets';
import { destinationOf, destinationRule, withDefaults } from '@mooring/connectors/kit/properties';
import { type SqlBool, sql } from 'kysely';
import { record } from '../../audit/record.js';
import { sha256 } from '../../crypto/digest.js';
import { definitionOf } from '../../store/decoded-rows.js';
import type { Tx } from '../../store/queryable.js';
import { readSetting, writeSetting } from '../../store/settings.js';
import type { Store } from '../../store/store.js';
import type { ConnectionTable } from '../../store/tables.js';

// If a release computes destinations differently, or a source has a new property that decides, users are not asked again:
// the destinations that they allowed are recomputed from the current definitions.

const setting = 'destination-rule';
const rowsAtOnce = 500;

type Row = Pick<ConnectionTable, 'id' | 'tenant_id' | 'source_id' | 'properties' | 'destination'>;

interface Judged {
  row: Row;
  destination: string;
  /** Properties that show a credential, which former versions accepted. */
  showing: string[];
}

function judged(manifest: SourceManifest | undefined, row: Row): Judged {
  const unchanged = { row, destination: row.destination, showing: [] };
  if (!manifest) return unchanged;
  try {
    const definition = definitionOf(row);
    const showing = exposedSecrets(manifest, definition).map(({ property }) => property);
    return { row, destination: destinationOf(manifest, withDefaults(manifest, definition)), showing };
  } catch {
    // Lists report such a connection; its credentials still need their users' confirmation.
    return unchanged;
  }
}

/** Credentials that are used on a connection: its embedded one, and those that users have linked. */
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

/** All users who see the connection can read it, so an administrator has to know and have it changed. */
const recordShowing = (tx: Tx, { row, showing }: Judged): Promise<void> =>
  record(tx, {
    name: 'data-connection.shows-credential',
    by: { tenantId: row.tenant_id, userId: 'system' },
    resourceId: row.id,
    data: { properties: [...new Set(showing)] },
  });

/**
 * Once per rule, before anything is served. Safe to interrupt and repeat.
 * @returns how many connections have a new destination, and how many show a credential (which the audit log records)
 */
export async function recomputeDestinations(
  store: Store,
  manifests: readonly SourceManifest[],
): Promise<{ moved: number; showing: number }> {
  const rule = sha256(destinationRule(manifests));
  const count = { moved: 0, showing: 0 };
  if ((await readSetting(store.db, setting)) === rule) return count;
  const byId = new Map(manifests.map((manifest) => [manifest.id, manifest]));
  for (let last = { tenant_id: '', id: '' }; ; ) {
    const rows = await store.db
      .selectFrom('connection')
      .select(['id', 'tenant_id', 'source_id', 'properties', 'destination'])
      .where(sql<SqlBool>`(tenant_id, id) > (${last.tenant_id}, ${last.id})`)
      .orderBy('tenant_id')
      .orderBy('id')
      .limit(rowsAtOnce)
      .execute();
    const all = rows.map((row) => judged(byId.get(row.source_id), row));
    const moves = all.filter(({ row, destination }) => destination !== row.destination);
    const showing = all.filter((one) => one.showing.length > 0);
    if (moves.length + showing.length > 0) {
      count.moved += await store.transaction(async (tx) => {
        let moved = 0;
        for (const { row, destination } of moves) moved += Number(await move(tx, row, destination));
        for (const one of showing) await recordShowing(tx, one);
        return moved;
      });
      count.showing += showing.length;
    }
    last = rows.at(-1) ?? last;
    if (rows.length < rowsAtOnce) break;
  }
  await writeSetting(store.db, setting, rule);
  return count;
}
