import type { Logger } from 'pino';
import { sealedGrantOf } from '../sign-ins/sealed-grants.js';
import type { Queryable, Store } from '../store/store.js';
import type { SecretTable } from '../store/tables.js';
import type { Vault } from '../vault/envelope.js';
import { newUuid } from '../vault/random.js';
import { credentialOfSignIn } from './revocation-queue.js';
import type { Revoker } from './revoker.js';

// What is sealed belongs to a record and goes with it. Should some be left behind, as by versions before 0.2, nobody
// would ever look for it: this does, a little at a time, so that a round costs the same however much there is.

const perRound = 1_000;

type Page = Pick<SecretTable, 'record_id' | 'tenant_id' | 'owner_id'>;

/** Which of these records are there, and may have something sealed. */
const living: Partial<
  Record<SecretTable['record_kind'], (db: Queryable, ids: string[]) => Promise<{ id: string }[]>>
> = {
  credential: (db, ids) => db.selectFrom('credential').select('id').where('id', 'in', ids).execute(),
  connection: (db, ids) => db.selectFrom('connection').select('id').where('id', 'in', ids).execute(),
  'sign-in': (db, ids) =>
    db
      .selectFrom('sign_in')
      .select('id')
      .where('id', 'in', ids)
      .where('status', 'in', ['pending', 'arrived', 'redeeming', 'needs_choice'])
      .execute(),
  revocation: (db, ids) =>
    db.selectFrom('revocation').select('id').where('id', 'in', ids).where('status', '=', 'queued').execute(),
};
type Kind = keyof typeof living;
const kinds = Object.keys(living) as Kind[];

export interface OrphanSweepDependencies {
  store: Store;
  vault: Vault;
  revoker: Pick<Revoker, 'noteTokens' | 'kick'>;
  log: Logger;
}

/** @returns one round: looks at the next records of each kind, and destroys what is sealed for none */
export function createOrphanSweep({ store, vault, revoker, log }: OrphanSweepDependencies) {
  // Ids are random: a process that is started often still gets everywhere.
  const after = new Map<Kind, string>(kinds.map((kind) => [kind, newUuid()]));

  const nextPage = async (kind: Kind): Promise<Page[]> => {
    const page = await store.db
      .selectFrom('secret')
      .select(['record_id', 'tenant_id', 'owner_id'])
      .where('record_kind', '=', kind)
      .where('record_id', '>', after.get(kind) ?? '')
      .orderBy('record_id')
      .limit(perRound)
      .execute();
    const last = page.length < perRound ? undefined : page.at(-1);
    after.set(kind, last?.record_id ?? '');
    return page;
  };

  const without = async (db: Queryable, kind: Kind, page: readonly Page[]): Promise<Page[]> => {
    const byId = new Map(page.map((row) => [row.record_id, row]));
    if (byId.size === 0) return [];
    for (const { id } of (await living[kind]?.(db, [...byId.keys()])) ?? []) byId.delete(id);
    return [...byId.values()];
  };

  const destroy = (kind: Kind, found: Page): Promise<void> =>
    store.transaction(async (tx) => {
      const [row] = await without(tx, kind, [found]);
      if (!row) return;
      if (kind === 'sign-in') {
        const signIn = { id: row.record_id, tenant_id: row.tenant_id, user_id: row.owner_id };
        const grant = await sealedGrantOf(tx, vault, signIn);
        const gone = { ...signIn, source_id: '', credential_id: null, connection_name: null };
        if (grant) await revoker.noteTokens(tx, credentialOfSignIn(gone), grant);
      }
      await tx
        .deleteFrom('secret')
        .where('record_kind', '=', kind)
        .where('record_id', '=', row.record_id)
        .where('tenant_id', '=', row.tenant_id)
        .execute();
      log.warn(
        { kind, recordId: row.record_id },
        'something was sealed without its record, and is destroyed',
      );
    });

  return async (): Promise<void> => {
    for (const kind of kinds) {
      for (const orphan of await without(store.db, kind, await nextPage(kind))) await destroy(kind, orphan);
    }
    revoker.kick();
  };
}
