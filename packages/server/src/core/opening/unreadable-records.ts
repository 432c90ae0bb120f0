import type { Logger } from 'pino';
import { signingKeyContext } from '../access/signing-key.js';
import { recordLost } from '../audit/lost-records.js';
import { endIn } from '../credentials/grants.js';
import { endSignIn } from '../credentials/sign-ins.js';
import { answerOfUnknownOutcome } from '../idempotency/kept-answer.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { SecretTable } from '../store/tables.js';
import { recordKeyOpens } from '../usage-log/keys.js';
import { remakeRecordKey } from '../usage-log/remake-key.js';
import type { Vault } from '../vault/envelope.js';
import { createOwnSecrets } from '../vault/own-secrets.js';
import type { StoredKeyring } from '../vault/stored-keyring.js';
import { countStrangeTokenHashes } from '../vault/token-hashes.js';

// Handles sealed records whose key is gone: after `keys shred`, or in a store that was restored from an archive and a
// later keyring. What a user can enter again waits for them. Everything else is ended or recreated at once, with an
// audit event, so that nothing waits for a lost key.

/** Every kind of sealed record, and the text for those that no longer open. */
const consequences = {
  login:
    'logins of credentials. Their users, or the owners of the connections, are asked to enter them again.',
  grant:
    'OAuth grants. Their users are asked to sign in again; the old grants stay valid at their providers until they expire there.',
  undo: 'former logins. Earlier bulk changes of credentials can no longer be undone.',
  'connection-secrets': 'secrets of connections. Their owners are asked to enter them again.',
  'sign-in': 'pending sign-ins. They are ended; their users start again.',
  'waiting-grant':
    'grants that waited to be claimed or chosen. They are dropped, and stay valid at their providers until they expire there.',
  revocation:
    'grants of deleted credentials that were to be revoked. Mooring can no longer revoke them; revoke them at the provider.',
  'idempotent-answer':
    'answers kept for an Idempotency-Key. A repeated request gets an error that its outcome is unknown.',
  'signing-key': 'key that signs access tokens. It is created again; clients fetch new tokens.',
  'use-key':
    'key that signs the usage log. It is created again; records from then on can be proven, earlier ones no longer.',
  'use-head':
    'seal on the usage log of version 0.1. The log continues; whether records were cut off its former end is unknown.',
  'bearer-token': 'API keys and secrets of OAuth clients. They no longer work; create new ones.',
} as const;

export type LostKind = keyof typeof consequences;

export interface Loss {
  kind: LostKind;
  count: number;
}

/** For instance `2 logins of credentials. …` */
export const describeLoss = ({ kind, count }: Loss): string => `${count} ${consequences[kind]}`;

export interface UnreadableDependencies {
  store: Store;
  vault: Vault;
  keyring: StoredKeyring;
}

interface Settling extends UnreadableDependencies {
  /** Ids of the keys that are gone. */
  gone: readonly string[];
}

const perBatch = 200;

function kindOf({ record_kind, field }: Pick<SecretTable, 'record_kind' | 'field'>): LostKind {
  if (record_kind === 'credential') return field as 'login' | 'grant' | 'undo';
  if (record_kind === 'connection') return 'connection-secrets';
  if (record_kind !== 'sign-in') return record_kind;
  return field === 'grant' || field === 'tokens' ? 'waiting-grant' : 'sign-in';
}

type SealedTable = 'secret' | 'idempotent_request';

/** The keys that records are under, read by skipping along the index: the records themselves are not read. */
async function keysInUse(db: Queryable, table: SealedTable): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const next = await db
      .selectFrom(table)
      .select('key_id')
      .where('key_id', '>', ids.at(-1) ?? '')
      .orderBy('key_id')
      .limit(1)
      .executeTakeFirst();
    if (!next) return ids;
    ids.push(next.key_id);
  }
}

/**
 * Reads the keys from the store, after the ones in use: another node may have a key that this one has not loaded yet.
 */
async function keysGone(db: Queryable, { masterIds }: StoredKeyring): Promise<string[]> {
  const used = new Set([...(await keysInUse(db, 'secret')), ...(await keysInUse(db, 'idempotent_request'))]);
  const rows = await db.selectFrom('vault_key').select('id').where('state', '<>', 'own').execute();
  for (const id of [...masterIds, ...rows.map((row) => row.id)]) used.delete(id);
  return [...used];
}

async function lossesOf(
  db: Queryable,
  { keyring, gone }: Pick<Settling, 'keyring' | 'gone'>,
): Promise<Loss[]> {
  const counts = new Map<LostKind, number>();
  const add = (kind: LostKind, count: number) => {
    if (count > 0) counts.set(kind, (counts.get(kind) ?? 0) + count);
  };
  if (gone.length > 0) {
    const sealed = await db
      .selectFrom('secret')
      .select(['record_kind', 'field', (eb) => eb.fn.countAll().as('count')])
      .where('key_id', 'in', gone)
      .groupBy(['record_kind', 'field'])
      .execute();
    for (const row of sealed) add(kindOf(row), Number(row.count));
    const { answers } = await db
      .selectFrom('idempotent_request')
      .select((eb) => eb.fn.countAll().as('answers'))
      .where('key_id', 'in', gone)
      .executeTakeFirstOrThrow();
    add('idempotent-answer', Number(answers));
  }
  add('bearer-token', await countStrangeTokenHashes(db, keyring.own));
  return [...counts].map(([kind, count]) => ({ kind, count }));
}

/** In batches that commit by themselves, until one is empty. */
async function inBatches(store: Store, batch: (tx: Tx) => Promise<number>): Promise<void> {
  while ((await store.transaction(batch)) === perBatch);
}

const rowsOf = (tx: Tx, gone: readonly string[], kind: SecretTable['record_kind']) =>
  tx
    .selectFrom('secret')
    .select(['tenant_id', 'record_id', 'owner_id'])
    .distinct()
    .where('record_kind', '=', kind)
    .where('key_id', 'in', gone)
    .limit(perBatch)
    .execute();

async function recordByTenant(tx: Tx, kind: LostKind, rows: readonly { tenant_id: string }[]) {
  for (const tenantId of new Set(rows.map((row) => row.tenant_id))) {
    const count = rows.filter((row) => row.tenant_id === tenantId).length;
    await recordLost(tx, { tenantId, kind, count });
  }
}

const endSignIns = ({ store, gone }: Settling) =>
  inBatches(store, async (tx) => {
    const rows = await rowsOf(tx, gone, 'sign-in');
    for (const row of rows) {
      const ended = { id: row.record_id, tenant_id: row.tenant_id, user_id: row.owner_id };
      await endSignIn(tx, ended, 'failed', 'unreadable');
    }
    await recordByTenant(tx, 'sign-in', rows);
    return rows.length;
  });

const endRevocations = ({ store, gone }: Settling) =>
  inBatches(store, async (tx) => {
    const rows = await rowsOf(tx, gone, 'revocation');
    const at = store.clock.iso();
    for (const { record_id: id, tenant_id, owner_id } of rows)
      await endIn(tx, { id, tenant_id, owner_id }, 'unreadable', at);
    await recordByTenant(tx, 'revocation', rows);
    return rows.length;
  });

/** A request must not run twice, so its key stays claimed; only the answer is lost. */
const endAnswers = ({ store, vault, gone }: Settling) =>
  inBatches(store, async (tx) => {
    const rows = await tx
      .selectFrom('idempotent_request')
      .selectAll()
      .where('key_id', 'in', gone)
      .limit(perBatch)
      .execute();
    for (const row of rows) {
      await tx
        .updateTable('idempotent_request')
        .set({ is_answered: 1, ...answerOfUnknownOutcome(vault, row) })
        .where('claim', '=', row.claim)
        .execute();
    }
    await recordByTenant(tx, 'idempotent-answer', rows);
    return rows.length;
  });

/** Dropped when it does not open, for any reason; recreated when it is needed. */
const openSigningKey = ({ store, vault }: UnreadableDependencies) =>
  createOwnSecrets({ store, vault, recordDropped }).find(signingKeyContext);

const tenantsOf = ({ store }: UnreadableDependencies) => store.db.selectFrom('tenant').select('id').execute();

/**
 * At a restore and at a start, never while serving: verification reports where the proof starts, and an attacker who
 * can write to the database could otherwise hide a change behind a key that does not open.
 */
async function remakeRecordKeys(deps: UnreadableDependencies): Promise<void> {
  const { store, vault } = deps;
  for (const { id: tenantId } of await tenantsOf(deps)) {
    const by = { tenantId, userId: 'system' };
    if (await remakeRecordKey(store, vault, { by, why: 'the former key no longer opens' }))
      await store.transaction((tx) => recordLost(tx, { tenantId, kind: 'use-key', count: 1 }));
  }
}

/** Records that one of the server's own secrets no longer opens. */
export const recordDropped: Parameters<typeof createOwnSecrets>[0]['recordDropped'] = (tx, context) =>
  recordLost(tx, { tenantId: context.tenantId, kind: context.recordKind, count: 1 });

/**
 * Ends or recreates what is sealed under keys that are gone.
 * @returns the lost records
 */
export async function settleUnreadable(deps: UnreadableDependencies): Promise<Loss[]> {
  const gone = await keysGone(deps.store.db, deps.keyring);
  deps.keyring.giveUp(gone);
  const settling = { ...deps, gone };
  const losses = await lossesOf(deps.store.db, settling);
  await openSigningKey(deps);
  await remakeRecordKeys(deps);
  if (gone.length === 0) return losses;
  await endSignIns(settling);
  await endRevocations(settling);
  await endAnswers(settling);
  return losses;
}

/** The same at the start of a server, with log lines. */
export async function settleUnreadableAtStart(deps: UnreadableDependencies, log: Logger): Promise<void> {
  for (const loss of await settleUnreadable(deps)) log.warn(loss, `do not open: ${describeLoss(loss)}`);
}

/**
 * True when the server's own secrets open, and values can be sealed.
 * @throws StoreUnavailableError
 */
export async function canOpenAndSeal(deps: UnreadableDependencies): Promise<boolean> {
  await openSigningKey(deps);
  const { store, vault, keyring } = deps;
  for (const { id } of await tenantsOf(deps)) if (!(await recordKeyOpens(store.db, vault, id))) return false;
  return keyring.canSeal();
}
