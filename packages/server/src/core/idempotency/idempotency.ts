import { type SqlBool, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import { sha256 } from '../crypto/digest.js';
import { newUuid } from '../crypto/random.js';
import { AppError } from '../errors/app-error.js';
import { deleteInBatches } from '../store/batches.js';
import type { Clock } from '../store/clock.js';
import type { Db } from '../store/queryable.js';
import { OutcomeUnknownError, StoreFullError, StoreUnavailableError } from '../store/store-error.js';
import type { IdempotentRequestTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';
import { createKeptBytes } from './kept-bytes.js';
import type { WrittenAnswer } from './written-answer.js';

// Idempotency-Key: a create that is sent again with its key is answered again, and done once. Answers may show a
// secret once (a new API key), so what is kept of them is sealed.

export interface Idempotency {
  /**
   * Does the work, or gives the answer it had.
   * @throws AppError when the key was used for another request, or the first one has not finished
   */
  once(request: IdempotentRequest, work: () => Promise<WrittenAnswer>): Promise<WrittenAnswer>;
  /** Forgets keys after their day. */
  purge(now: Date, until?: number): Promise<void>;
}

export interface IdempotentRequest {
  caller: Pick<Caller, 'tenantId' | 'userId'>;
  route: string;
  key: string;
  /** The request as the handler sees it. */
  input: unknown;
  /** Of an answer that shows a secret once. */
  secret?: {
    /** API key or token that it is asked with; no other is given the answer again. */
    keyId: string;
    /** Whether what the answer shows can still be used. */
    isStillThere(answered: WrittenAnswer): Promise<boolean>;
  };
}

interface Kept {
  /** Absent where it was lost with the answer. */
  fingerprint?: string;
  answer?: WrittenAnswer;
  /** The store was lost while the work was being committed. */
  isOutcomeUnknown?: true;
}

type Row = Pick<IdempotentRequestTable, 'tenant_id' | 'user_id' | 'route' | 'key_hash'>;

const keptMs = 86_400_000;
const pollMs = 100;
/** How long a second request waits for the first, and after which the first can no longer be at work. */
const waitMaxMs = 30_000;
const workMaxMs = 120_000;
/** A store that was lost is asked again this often, to be told what has become of a request. */
const retell = { times: 60, everyMs: 1_000 };

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** The same for two requests that mean the same, whatever the order of their members. */
function fingerprintOf(input: unknown): string {
  const sorted = (_name: string, value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return sha256(JSON.stringify(input, sorted));
}

/** What a kept answer is bound to. */
export const contextOfIdempotentRequest = (row: Row): SealContext => ({
  tenantId: row.tenant_id,
  recordKind: 'idempotent-request',
  recordId: row.key_hash,
  ownerId: row.user_id,
  version: 1,
  field: row.route,
});

const sealedFor = (vault: Vault, row: Row, kept: Kept) => {
  const { keyId, wrappedKey, ciphertext } = vault.seal(kept, contextOfIdempotentRequest(row));
  return { key_id: keyId, wrapped_key: wrappedKey, ciphertext, bytes: ciphertext.length };
};

/** In the place of an answer that cannot be opened any more: whether the request took effect is not known. */
export const answerOfUnknownOutcome = (vault: Vault, row: Row) =>
  sealedFor(vault, row, { isOutcomeUnknown: true });

const usedOtherwise = () =>
  new AppError(
    'IDEMPOTENCY-KEY-REUSED',
    'Idempotency-Key: this key was used for a different request, or its answer shows a secret and was asked for with another API key or token. Use a new one.',
  );
const goneSince = () =>
  new AppError(
    'IDEMPOTENCY-KEY-REUSED',
    'Idempotency-Key: what the first request with this key made is gone. Use a new one.',
  );
const unknownOutcome = () =>
  new AppError(
    'IDEMPOTENCY-OUTCOME-UNKNOWN',
    'The first request with this key was cut short. Look whether it took effect before you repeat it with a new key.',
  );

export interface IdempotencyDependencies {
  db: Db;
  /** The store's: nodes must agree on how old a claim is. */
  clock: Clock;
  vault: Vault;
  log: Logger;
  /** What one user's kept answers may take; 0: no limit. */
  bytesPerUser: number;
}

export function createIdempotency(deps: IdempotencyDependencies): Idempotency {
  const { db, clock, vault, log, bytesPerUser } = deps;
  const running = new Map<string, Promise<unknown>>();
  const userOf = ({ tenant_id, user_id }: Pick<Row, 'tenant_id' | 'user_id'>) =>
    JSON.stringify([tenant_id, user_id]);
  const keptBytes = createKeptBytes(bytesPerUser, async (user) => {
    const [tenantId, userId] = JSON.parse(user) as [string, string];
    const { bytes } = await db
      .selectFrom('idempotent_request')
      .select((eb) => eb.fn.sum<number | null>('bytes').as('bytes'))
      .where('tenant_id', '=', tenantId)
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0);
  });

  const sealed = (row: Row, kept: Kept) => {
    const columns = sealedFor(vault, row, kept);
    keptBytes.add(userOf(row), columns.bytes);
    return columns;
  };

  const opened = (row: IdempotentRequestTable): Kept => {
    try {
      const { key_id: keyId, wrapped_key: wrappedKey, ciphertext } = row;
      return vault.open({ keyId, wrappedKey, ciphertext }, contextOfIdempotentRequest(row)).reveal() as Kept;
    } catch (cause) {
      if (cause instanceof UnreadableError) throw unknownOutcome();
      throw cause;
    }
  };

  const rowOf = (row: Row) =>
    db
      .selectFrom('idempotent_request')
      .selectAll()
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      .where('route', '=', row.route)
      .where('key_hash', '=', row.key_hash)
      .executeTakeFirst();

  const release = (claim: string) => db.deleteFrom('idempotent_request').where('claim', '=', claim).execute();

  /** Sealing throws too, while it is not known which key is active: as a rejection like any other. */
  const keep = async (row: Row, claim: string, kept: Kept) =>
    db
      .updateTable('idempotent_request')
      .set({ is_answered: 1, ...sealed(row, kept) })
      .where('claim', '=', claim)
      .execute();

  /** Goes on until the store is back; the client is not kept waiting for that. */
  const whenStoreIsBack = async (work: () => Promise<unknown>): Promise<void> => {
    for (let time = 1; ; time += 1) {
      try {
        await work();
        return;
      } catch (error) {
        if (time === retell.times)
          return log.warn({ err: error }, 'what became of an idempotent request was not kept');
        await after(retell.everyMs);
      }
    }
  };

  /** Of what was refused: the refusal is the answer, whatever becomes of the claim. */
  const letGo = (claim: string): Promise<unknown> =>
    release(claim).catch(() => void whenStoreIsBack(() => release(claim)));

  const claimed = async (row: Row, claim: string, kept: Kept): Promise<boolean> => {
    try {
      const result = await db
        .insertInto('idempotent_request')
        .values({ ...row, claim, is_answered: 0, ...sealed(row, kept), created_at: clock.iso() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n;
    } catch (cause) {
      if (!(cause instanceof OutcomeUnknownError)) throw cause;
      // Perhaps claimed, but nothing has been done under the claim.
      void whenStoreIsBack(() => release(claim));
      throw new StoreUnavailableError('The store does not answer.', { cause });
    }
  };

  /** What failed may be sent again, unless it may have taken effect. */
  const settleFailure = async (row: Row, claim: string, fingerprint: string, error: unknown) => {
    if (error instanceof OutcomeUnknownError) {
      void whenStoreIsBack(() => keep(row, claim, { fingerprint, isOutcomeUnknown: true }));
    } else if (error instanceof StoreUnavailableError || error instanceof StoreFullError) {
      void whenStoreIsBack(() => release(claim));
    } else {
      await letGo(claim);
    }
  };

  /** The work of whoever holds the claim. Only what took effect is kept: a refusal may be mended and sent again. */
  const perform = async (
    row: Row,
    claim: string,
    fingerprint: string,
    work: () => Promise<WrittenAnswer>,
  ): Promise<WrittenAnswer> => {
    let answer: WrittenAnswer;
    try {
      answer = await work();
    } catch (error) {
      await settleFailure(row, claim, fingerprint, error);
      throw error;
    }
    if (answer.status >= 300) {
      await letGo(claim);
      return answer;
    }
    // It took effect, so it is answered; whoever repeats it before this is kept is told that the outcome is unknown.
    await keep(row, claim, { fingerprint, answer }).catch(() => {
      void whenStoreIsBack(() => keep(row, claim, { fingerprint, answer }));
    });
    return answer;
  };

  /** The kept answer, or undefined when the key is free again. */
  const earlierAnswer = async (
    row: Row,
    fingerprint: string,
    secret: IdempotentRequest['secret'],
  ): Promise<WrittenAnswer | undefined> => {
    const waitUntil = performance.now() + waitMaxMs;
    const name = JSON.stringify(row);
    for (;;) {
      const found = await rowOf(row);
      if (!found) return undefined;
      const age = clock.now() - Date.parse(found.created_at);
      if (age > keptMs) {
        await release(found.claim);
        return undefined;
      }
      const kept = opened(found);
      if (kept.fingerprint !== undefined && kept.fingerprint !== fingerprint) throw usedOtherwise();
      if (kept.answer) {
        if (secret && !(await secret.isStillThere(kept.answer))) throw goneSince();
        return kept.answer;
      }
      if (kept.isOutcomeUnknown) throw unknownOutcome();
      const here = running.get(name);
      if (!here && age > workMaxMs) throw unknownOutcome();
      if (performance.now() > waitUntil) {
        throw new AppError('IDEMPOTENCY-IN-PROGRESS', 'The first request with this key is still at work.', {
          retryAfterSeconds: 5,
        });
      }
      await (here ?? new Promise((resolve) => setTimeout(resolve, pollMs)));
    }
  };

  return {
    async once({ caller, route, key, input, secret }, work) {
      const row: Row = {
        tenant_id: caller.tenantId,
        user_id: caller.userId,
        route,
        key_hash: sha256(key),
      };
      const fingerprint = fingerprintOf(secret ? { input, keyId: secret.keyId } : input);
      const name = JSON.stringify(row);
      if ((await keptBytes.isFull(userOf(row))) && !(await rowOf(row))) {
        throw new AppError(
          'QUOTA-EXCEEDED',
          'Idempotency-Key: your answers of the last day take as much room as they may. Send it without a key, or wait until older ones are forgotten.',
        );
      }
      for (;;) {
        const claim = newUuid();
        if (await claimed(row, claim, { fingerprint })) {
          const performing = perform(row, claim, fingerprint, work);
          running.set(
            name,
            performing.catch(() => undefined),
          );
          return await performing.finally(() => running.delete(name));
        }
        const answer = await earlierAnswer(row, fingerprint, secret);
        if (answer) return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } };
      }
    },
    async purge(now, until) {
      const oldest = new Date(now.getTime() - keptMs).toISOString();
      const where = sql<SqlBool>`created_at < ${oldest}`;
      await deleteInBatches(db, { table: 'idempotent_request', key: 'claim', where }, until);
    },
  };
}
