import { type SqlBool, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import { sha256 } from '../crypto/digest.js';
import { newUuid } from '../crypto/random.js';
import { AppError } from '../errors/app-error.js';
import { deleteInBatches } from '../store/batches.js';
import { claimKey, performClaimed } from './claimed-work.js';
import { earlierAnswer, keptMs } from './earlier-answer.js';
import type { RequestId, WrittenAnswer } from './kept-answer.js';
import { createRequestRows, type RequestRowsDependencies } from './request-rows.js';

// Idempotency-Key: a create that is repeated with its key runs once and returns the first answer again.

export interface Idempotency {
  /**
   * Does the work, or returns the answer of the first request.
   * @throws AppError when the key was used for another request, or the first one has not finished
   */
  once(request: IdempotentRequest, work: () => Promise<WrittenAnswer>): Promise<WrittenAnswer>;
  /** Deletes keys that are older than a day. */
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
    /** API key or token of the request; a request with another one does not get the answer again. */
    keyId: string;
    /** Whether the secret that the answer shows still works. */
    isStillThere(answered: WrittenAnswer): Promise<boolean>;
  };
}

export interface IdempotencyDependencies extends RequestRowsDependencies {
  log: Logger;
}

/** Equal for two equivalent requests, whatever the order of their members. */
function fingerprintOf(input: unknown): string {
  const sorted = (_name: string, value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return sha256(JSON.stringify(input, sorted));
}

export function createIdempotency(deps: IdempotencyDependencies): Idempotency {
  const { db, clock, log } = deps;
  const rows = createRequestRows(deps);
  /** Requests that this process runs. */
  const running = new Map<string, Promise<unknown>>();

  return {
    async once({ caller, route, key, input, secret }, work) {
      const id: RequestId = {
        tenant_id: caller.tenantId,
        user_id: caller.userId,
        route,
        key_hash: sha256(key),
      };
      const fingerprint = fingerprintOf(secret ? { input, keyId: secret.keyId } : input);
      const name = JSON.stringify(id);
      if ((await rows.isFull(id)) && !(await rows.find(id))) {
        throw new AppError(
          'QUOTA-EXCEEDED',
          'Idempotency-Key: your answers of the last day have reached their size limit. Send the request without a key, or wait until older answers expire.',
        );
      }
      for (;;) {
        const claimed = { id, claim: newUuid(), fingerprint };
        if (await claimKey({ rows, log }, claimed)) {
          const performing = performClaimed({ rows, log }, claimed, work);
          running.set(
            name,
            performing.catch(() => undefined),
          );
          return await performing.finally(() => running.delete(name));
        }
        const answer = await earlierAnswer(
          { rows, clock, running: () => running.get(name) },
          { id, fingerprint, isStillThere: secret && ((answered) => secret.isStillThere(answered)) },
        );
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
