import type { Logger } from 'pino';
import { newUuid } from '../crypto/random.js';
import type { Db } from '../store/queryable.js';
import { type AuditEvent, record } from './record.js';

// A repeated refusal is one event with a count, so that a client that is refused a thousand times a minute does not
// fill the audit log. The first is written before the answer is sent, the count within a second.

interface Folded {
  event: AuditEvent;
  id: string;
  /** Resolves when the event is stored. */
  stands: Promise<void>;
  count: number;
  written: number;
  endsAt: number;
}

const foldMs = 600_000;
const writeMs = 1_000;
const keptMax = 1_000;

export type FoldedRefusals = ReturnType<typeof createFoldedRefusals>;

export function createFoldedRefusals(db: Db, log: Logger, now: () => number) {
  const folded = new Map<string, Folded>();
  let timer: NodeJS.Timeout | undefined;

  const write = async (one: Folded): Promise<void> => {
    const { count } = one;
    if (one.written === count) return;
    one.written = count;
    const data = JSON.stringify({ ...one.event.data, count, lastAt: new Date(now()).toISOString() });
    await one.stands;
    await db.updateTable('audit_event').set({ data }).where('id', '=', one.id).execute();
  };
  const writeAll = async (): Promise<void> => {
    timer = undefined;
    for (const [key, one] of folded) {
      await write(one).catch((error: unknown) =>
        log.warn({ err: error }, 'count of repeated refusals was not stored'),
      );
      if (one.endsAt <= now()) folded.delete(key);
    }
  };

  return {
    /** @param same identifies it among the refusals of this user for this resource */
    async record(event: AuditEvent, same: string): Promise<void> {
      const { by, name, resourceId } = event;
      const key = JSON.stringify([by.tenantId, by.userId, name, resourceId, same]);
      const known = folded.get(key);
      if (known && known.endsAt > now()) {
        known.count += 1;
        timer ??= setTimeout(() => void writeAll(), writeMs).unref();
        await known.stands;
        return;
      }
      if (known) await write(known).catch(() => undefined);
      const id = newUuid();
      const stands = record(db, { ...event, id });
      if (folded.size >= keptMax) {
        const [oldest] = folded.keys();
        if (oldest !== undefined) folded.delete(oldest);
      }
      folded.set(key, { event, id, stands, count: 1, written: 1, endsAt: now() + foldMs });
      await stands.catch((error: unknown) => {
        folded.delete(key);
        throw error;
      });
    },
    /** Writes the counts that are not stored yet. */
    async close(): Promise<void> {
      clearTimeout(timer);
      await writeAll();
    },
  };
}
