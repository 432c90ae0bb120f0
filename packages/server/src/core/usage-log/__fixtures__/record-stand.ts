import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach } from 'vitest';
import { firstStart } from '../../../start/first-start.js';
import type { Queryable } from '../../store/queryable.js';
import { migrate, openStore, type Store } from '../../store/store.js';
import { createVault, type Vault } from '../../vault/envelope.js';
import { newKey } from '../../vault/keyring.js';
import { tokenHasher } from '../../vault/token-hashes.js';
import { createRecordKeeper } from '../keeper.js';
import { createUseLog } from '../log.js';
import { positionOf } from '../proof.js';
import { type VerifyReport, verifyUses } from '../verify.js';

const log = pino({ level: 'silent' });

/** A migrated store with one tenant, its vault, and a clock that the test sets. */
export interface RecordStand {
  store: Store;
  vault: Vault;
  tenantId: string;
  userId: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Fresh for each test of the file; call it within `describe`. */
export function recordStand() {
  const stand = {} as RecordStand;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-record-'));
    stand.now = Date.parse('2026-01-01T00:00:00.000Z');
    const opened = openStore({ dataFolder: folder });
    await migrate(opened);
    await firstStart(opened, tokenHasher(newKey()), 'test-administrator-key-0123456789');
    // The test sets the time.
    stand.store = {
      ...opened,
      clock: { ...opened.clock, iso: (ms = 0) => new Date(stand.now + ms).toISOString() },
    };
    stand.vault = createVault(newKey());
    const user = await stand.store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
    [stand.tenantId, stand.userId] = [user.tenant_id, user.id];
  });
  afterEach(async () => {
    await stand.store.close();
    rmSync(folder, { recursive: true });
  });

  /** What one process has in memory. */
  const startProcess = (checkpointMs = 3_600_000) => {
    const keeper = createRecordKeeper({ store: stand.store, vault: stand.vault, log });
    const signInRefused = async () => undefined;
    const uses = createUseLog({ store: stand.store, keeper, signInRefused, log, checkpointMs });
    return {
      keeper,
      open: uses.open,
      close: uses.close,
      async use(credential: string, times = 1) {
        for (let time = 0; time < times; time += 1) {
          const ticket = await uses.begin({
            caller: {
              userId: stand.userId,
              tenantId: stand.tenantId,
              name: 'a',
              roles: [],
              keyId: 'k',
              keyKind: 'api-key',
            },
            connection: { id: 'connection', space_id: null },
            credential: { id: credential, owner_id: stand.userId, version: 1 },
            action: 'read',
          });
          await ticket.finish('ok', { rows: 1 });
        }
      },
      async sign(): Promise<void> {
        await keeper.checkpoint(await keeper.recordOf(stand.tenantId));
      },
      async verify(withinMs = 10_000, next?: string, db: Queryable = stand.store.db): Promise<VerifyReport> {
        const kept = await keeper.recordOf(stand.tenantId);
        const isUpToDate = await keeper.catchUp(kept);
        const keyOf = keeper.keyOf(stand.tenantId);
        return verifyUses({
          ...{ db, kept, keyOf, isUpToDate, withinMs },
          next: next === undefined ? undefined : positionOf(next),
        });
      },
    };
  };
  const checkpoints = () =>
    stand.store.db.selectFrom('use_checkpoint').selectAll().orderBy('number').execute();
  const shards = () => stand.store.db.selectFrom('use_shard').selectAll().execute();
  const records = () => stand.store.db.selectFrom('use_record').selectAll().execute();

  return { stand, startProcess, checkpoints, shards, records };
}
