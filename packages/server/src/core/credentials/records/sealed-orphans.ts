import { type SqlBool, sql } from 'kysely';
import { newUuid } from '../../crypto/random.js';
import type { Queryable } from '../../store/queryable.js';
import type { SecretTable } from '../../store/tables.js';
import { destroySealedFields } from '../../vault/sealed-fields.js';
import type { CredentialDependencies } from '../dependencies.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import type { Revoker } from '../grants/revoker.js';
import { sealedGrantOf } from '../sign-ins/sealed-grants.js';

// Sealed fields belong to a record and are deleted with it. This sweep finds those that were left behind, as by versions
// before 0.2: a page at a time, so that the cost of a round does not depend on their number.

const perRound = 1_000;

type Page = Pick<SecretTable, 'record_id' | 'tenant_id' | 'owner_id'>;
type Wanted = Record<'ids' | 'tenants', string[]>;

const beginning = { record_id: '', tenant_id: '' };
const columns = ['id', 'tenant_id'] as const;

/** Which of these records exist and may have sealed fields. No user: the sweep is for all users. */
const living = {
  credential: (db: Queryable, { ids }: Wanted) =>
    db.selectFrom('credential').select(columns).where('id', 'in', ids).execute(),
  connection: (db: Queryable, { ids, tenants }: Wanted) =>
    db
      .selectFrom('connection')
      .select(columns)
      .where('tenant_id', 'in', tenants)
      .where('id', 'in', ids)
      .execute(),
  'sign-in': (db: Queryable, { ids }: Wanted) =>
    db
      .selectFrom('sign_in')
      .select(columns)
      .where('id', 'in', ids)
      .where('status', 'in', ['pending', 'arrived', 'redeeming', 'needs_choice'])
      .execute(),
  revocation: (db: Queryable, { ids }: Wanted) =>
    db
      .selectFrom('revocation')
      .select(columns)
      .where('id', 'in', ids)
      .where('status', '=', 'queued')
      .execute(),
};
type Kind = keyof typeof living;
const kinds = Object.keys(living) as Kind[];

export interface OrphanSweepDependencies extends Pick<CredentialDependencies, 'store' | 'vault' | 'log'> {
  revoker: Pick<Revoker, 'queueRevocation' | 'kick'>;
}

/** @returns one round: checks the next page of each kind, and destroys sealed fields without a record */
export function createOrphanSweep({ store, vault, revoker, log }: OrphanSweepDependencies) {
  // Begins at a random id, so that a process that restarts often still reaches all of them.
  const after = new Map(kinds.map((kind) => [kind, { record_id: newUuid(), tenant_id: '' }]));

  const nextPage = async (kind: Kind): Promise<Page[]> => {
    const { record_id, tenant_id } = after.get(kind) ?? beginning;
    const page = await store.db
      .selectFrom('secret')
      .select(['record_id', 'tenant_id', 'owner_id'])
      .where('record_kind', '=', kind)
      .where(sql<SqlBool>`(record_id, tenant_id) > (${record_id}, ${tenant_id})`)
      .orderBy('record_id')
      .orderBy('tenant_id')
      .limit(perRound)
      .execute();
    const last = page.length < perRound ? undefined : page.at(-1);
    after.set(kind, last ?? beginning);
    return page;
  };

  const without = async (db: Queryable, kind: Kind, page: readonly Page[]): Promise<Page[]> => {
    if (page.length === 0) return [];
    const placed = new Map(page.map((row) => [`${row.tenant_id} ${row.record_id}`, row]));
    const ids = [...new Set(page.map((row) => row.record_id))];
    const tenants = [...new Set(page.map((row) => row.tenant_id))];
    for (const { id, tenant_id } of await living[kind](db, { ids, tenants }))
      placed.delete(`${tenant_id} ${id}`);
    return [...placed.values()];
  };

  const destroy = (kind: Kind, found: Page): Promise<void> =>
    store.transaction(async (tx) => {
      const [row] = await without(tx, kind, [found]);
      if (!row) return;
      if (kind === 'sign-in') {
        const signIn = { id: row.record_id, tenant_id: row.tenant_id, user_id: row.owner_id };
        const grant = await sealedGrantOf(tx, vault, signIn);
        const gone = { ...signIn, source_id: '', credential_id: null, connection_name: null };
        if (grant) await revoker.queueRevocation(tx, credentialOfSignIn(gone), grant);
      }
      await destroySealedFields(tx, {
        ...{ tenantId: row.tenant_id, ownerId: row.owner_id },
        ...{ recordKind: kind, recordId: row.record_id },
      });
      log.warn({ kind, recordId: row.record_id }, 'destroyed a sealed field without a record');
    });

  return async (): Promise<void> => {
    for (const kind of kinds) {
      for (const orphan of await without(store.db, kind, await nextPage(kind))) await destroy(kind, orphan);
    }
    revoker.kick();
  };
}
