import { Secret } from '@mooring/connectors/interface/secret';
import { type SqlBool, sql } from 'kysely';
import { newUuid } from '../../crypto/random.js';
import type { TokenSet } from '../../oauth/types.js';
import { deleteInBatches } from '../../store/batches.js';
import type { Queryable } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, RevocationTable, SignInTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import { destroySealedFields, fromSealedColumns, loadSealedField } from '../../vault/sealed-fields.js';
import { insertSealed } from '../records/sealed-secrets.js';
import type { ClientConfiguration } from './client-configuration.js';
import { hiddenConfiguration, type Plain } from './hidden-grant.js';

// Queue of grants to be revoked at their providers. What a revocation needs is sealed, and destroyed as soon as the
// provider has answered.

/** Sealed with an entry; the names are part of the format. */
export interface SealedRevocation {
  setup: ClientConfiguration;
  token: Secret<string>;
}

export const tokenToRevoke = (tokens: TokenSet): Secret<string> => tokens.refreshToken ?? tokens.accessToken;

type RevocationRef = Pick<RevocationTable, 'id' | 'tenant_id' | 'owner_id'>;

const context = (row: RevocationRef): SealContext => ({
  tenantId: row.tenant_id,
  recordKind: 'revocation',
  recordId: row.id,
  ownerId: row.owner_id,
  version: 1,
  field: 'token',
});

const leaseMs = 60_000;

export type RevokedCredential = Pick<CredentialTable, 'id' | 'tenant_id' | 'owner_id' | 'source_id' | 'name'>;

/** A grant that was still with its sign-in is recorded for the credential that it was to renew, if any. */
export const credentialOfSignIn = (
  row: Pick<SignInTable, 'id' | 'tenant_id' | 'user_id' | 'source_id' | 'credential_id' | 'connection_name'>,
): RevokedCredential => ({
  id: row.credential_id ?? row.id,
  tenant_id: row.tenant_id,
  owner_id: row.user_id,
  source_id: row.source_id,
  name: row.connection_name ?? '',
});

export interface NewRevocation {
  credential: RevokedCredential;
  batchId?: string | undefined;
  /** Present: there is something to revoke. */
  sealed?: SealedRevocation | undefined;
  /** Otherwise: why there is nothing to tell. */
  status?: 'none' | 'unsupported' | 'unreadable';
}

/** Records the end of a credential, in the transaction that ends it. */
export async function enqueue(
  tx: Queryable,
  store: Store,
  vault: Vault,
  { credential, batchId, sealed, status = 'none' }: NewRevocation,
): Promise<string> {
  const at = store.clock.iso();
  const row: RevocationTable = {
    id: newUuid(),
    tenant_id: credential.tenant_id,
    credential_id: credential.id,
    credential_name: credential.name,
    owner_id: credential.owner_id,
    source_id: credential.source_id,
    batch_id: batchId ?? null,
    status: sealed ? 'queued' : status,
    attempts: 0,
    not_before: at,
    lease_until: null,
    created_at: at,
    ended_at: sealed ? null : at,
  };
  await tx.insertInto('revocation').values(row).execute();
  if (sealed) await insertSealed(tx, vault, context(row), sealed);
  return row.id;
}

/** Entries that are due and not leased. */
export function due(store: Store, limit: number): Promise<RevocationTable[]> {
  const now = store.clock.iso();
  return store.db
    .selectFrom('revocation')
    .selectAll()
    .where('status', '=', 'queued')
    .where('not_before', '<=', now)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
    .orderBy('not_before')
    .limit(limit)
    .execute();
}

/** Leases one entry; false if another node was faster. */
export async function take(store: Store, row: RevocationTable): Promise<boolean> {
  const now = store.clock.iso();
  const taken = await store.db
    .updateTable('revocation')
    .set((eb) => ({ lease_until: store.clock.iso(leaseMs), attempts: eb('attempts', '+', 1) }))
    .where('id', '=', row.id)
    .where('owner_id', '=', row.owner_id)
    .where('tenant_id', '=', row.tenant_id)
    .where('status', '=', 'queued')
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
    .executeTakeFirst();
  return taken.numUpdatedRows === 1n;
}

/** @throws UnreadableError */
export async function open(
  store: Store,
  vault: Vault,
  row: RevocationTable,
): Promise<SealedRevocation | undefined> {
  const found = await loadSealedField(store.db, context(row));
  if (!found) return undefined;
  const opened = vault.open(fromSealedColumns(found), context(row));
  const { setup, token } = opened.reveal() as Plain<SealedRevocation>;
  return { setup: hiddenConfiguration(setup), token: new Secret(token) };
}

async function change(db: Queryable, row: RevocationRef, columns: Partial<RevocationTable>): Promise<void> {
  await db
    .updateTable('revocation')
    .set(columns)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .execute();
}

/** The provider has answered, or never will: destroys the token. */
export const end = (store: Store, row: RevocationRef, status: RevocationTable['status']): Promise<void> =>
  store.transaction((tx) => endIn(tx, row, status, store.clock.iso()));

/** As {@link end}, in a transaction. */
export async function endIn(
  tx: Queryable,
  row: RevocationRef,
  status: RevocationTable['status'],
  at: string,
): Promise<void> {
  await destroySealedFields(tx, context(row));
  await change(tx, row, { status, lease_until: null, ended_at: at });
}

/** Releases the entry, to be retried later. */
export const putOff = ({ db, clock }: Store, row: RevocationTable, pauseMs: number): Promise<void> =>
  change(db, row, { lease_until: null, not_before: clock.iso(pauseMs) });

/** Deletes ended entries, which are kept as a report for some days. */
export async function purgeRevocations(store: Store, days: number, until?: number): Promise<void> {
  const oldest = store.clock.iso(-days * 86_400_000);
  const where = sql<SqlBool>`created_at < ${oldest} and status <> 'queued'`;
  await deleteInBatches(store.db, { table: 'revocation', key: 'id', where }, until);
}
