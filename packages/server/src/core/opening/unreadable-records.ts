import type { Logger } from 'pino';
import { signingKeyContext } from '../access/signing-key.js';
import { recordLost } from '../audit/lost-records.js';
import { endIn } from '../credentials/grants.js';
import { endSignIn } from '../credentials/sign-ins.js';
import { answerOfUnknownOutcome } from '../idempotency/idempotency.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { SecretTable } from '../store/tables.js';
import { remakeRecordKey } from '../use-record/keeper.js';
import { recordKeyOpens } from '../use-record/keys.js';
import type { Vault } from '../vault/envelope.js';
import { createOwnSecrets } from '../vault/own-secrets.js';
import type { StoredKeyring } from '../vault/stored-keyring.js';
import { countStrangeTokenHashes } from '../vault/token-hashes.js';

// What becomes of sealed records whose key is gone: after `keys shred`, or in a store that was made from an archive and
// a later keyring. What a person can bring again waits for them; what belongs to nobody is ended or made anew at once,
// on record, so that nothing waits for a key that nobody has.

/** Every kind of sealed record, and what is said of those that open no more. */
const consequences = {
  login:
    'logins of credentials. Their users, or the owners of the connections, are asked to bring them again.',
  grant:
    'OAuth grants. Their users are asked to sign in again; the old grants stay alive at their providers until those end them.',
  undo: 'former logins. Bulk changes of credentials from before cannot be undone.',
  'connection-secrets': 'secrets of connections. Their owners are asked to give them again.',
  'sign-in': 'sign-ins under way. They are ended; their users begin again.',
  'waiting-grant':
    'grants that waited to be claimed or chosen. They are dropped, and stay alive at their providers until those end them.',
  revocation:
    'grants of deleted credentials whose providers were still to be told. They cannot be told any more; end them there.',
  'idempotent-answer':
    'answers kept for an Idempotency-Key. Who repeats such a request is told that its outcome is unknown.',
  'signing-key': 'key that access tokens are signed with. It is made anew; clients fetch new tokens.',
  'use-key':
    'key that the record of uses is signed with. It is made anew, and the record is proven from there on; what stands before cannot be proven any more.',
  'use-head':
    'seal on the record of uses of version 0.1. The record goes on; what was cut off its end before cannot be seen.',
  'bearer-token': 'API keys and secrets of OAuth clients. Nothing fits them any more; make new ones.',
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

/** Keys that records are under, from one to the next along the index: the records of each are not read. */
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

/** Asked of the store itself, after what is in use: another node may have a key that this one has not learned of yet. */
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

/** In batches that commit by themselves, until one finds nothing more. */
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

/** What was done must not be done twice, so the keys stay taken; only the answers are lost. */
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

/** Dropped when it does not open, for whatever reason; made when it is needed. */
const openSigningKey = ({ store, vault }: UnreadableDependencies) =>
  createOwnSecrets({ store, vault, recordDropped }).find(signingKeyContext);

const tenantsOf = ({ store }: UnreadableDependencies) => store.db.selectFrom('tenant').select('id').execute();

/**
 * At a restore and at a start, and never while it serves: verification says from where on the record is proven, and
 * whoever writes the database could otherwise hide a change behind a key that does not open.
 */
async function remakeRecordKeys(deps: UnreadableDependencies): Promise<void> {
  const { store, vault } = deps;
  for (const { id: tenantId } of await tenantsOf(deps)) {
    const by = { tenantId, userId: 'system' };
    if (await remakeRecordKey(store, vault, { by, why: 'the key of before opens no more' }))
      await store.transaction((tx) => recordLost(tx, { tenantId, kind: 'use-key', count: 1 }));
  }
}

/** Puts on record that a secret of the service itself opened no more. */
export const recordDropped: Parameters<typeof createOwnSecrets>[0]['recordDropped'] = (tx, context) =>
  recordLost(tx, { tenantId: context.tenantId, kind: context.recordKind, count: 1 });

/**
 * Settles what is sealed under keys that are gone.
 * @returns what is lost
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

/** The same at the start of a server, which tells the log. */
export async function settleUnreadableAtStart(deps: UnreadableDependencies, log: Logger): Promise<void> {
  for (const loss of await settleUnreadable(deps)) log.warn(loss, `do not open: ${describeLoss(loss)}`);
}

/**
 * True when what the service rests on opens, and something can be sealed.
 * @throws StoreUnavailableError
 */
export async function canOpenAndSeal(deps: UnreadableDependencies): Promise<boolean> {
  await openSigningKey(deps);
  const { store, vault, keyring } = deps;
  for (const { id } of await tenantsOf(deps)) if (!(await recordKeyOpens(store.db, vault, id))) return false;
  return keyring.canSeal();
}
