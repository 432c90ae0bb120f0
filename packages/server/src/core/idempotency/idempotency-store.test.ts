import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault } from '../vault/envelope.js';
import { loadMasterKey } from '../vault/keyring.js';
import { createIdempotency, type Idempotency } from './idempotency.js';
import type { WrittenAnswer } from './kept-answer.js';

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';

describe('idempotent requests across nodes and crashes', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-idempotency-'));
  const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
  let store: Store;
  let nodes: Idempotency[];
  const request = (key: string) => ({
    caller: { tenantId: 't', userId: 'u' },
    route: 'create',
    key,
    input: { body: { name: 'x' } },
  });

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    const log = pino({ level: 'silent' });
    nodes = [1, 2].map(() =>
      createIdempotency({ db: store.db, clock: store.clock, vault, log, bytesPerUser: 0 }),
    );
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('R04: two nodes run it once', async () => {
    let count = 0;
    let finish: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const work = async (): Promise<WrittenAnswer> => {
      count += 1;
      await gate;
      return { status: 201, headers: {}, text: `made ${count}` };
    };
    const answers = Promise.all(
      Array.from({ length: 50 }, (_unused, index) => nodes[index % 2]?.once(request('both'), work)),
    );
    finish();
    expect(new Set((await answers).map((answer) => answer?.text))).toEqual(new Set(['made 1']));
    expect(count).toBe(1);
  });

  it('an interrupted request is reported as unknown, not repeated', async () => {
    const never = nodes[0]?.once(request('crash'), () => new Promise(() => undefined));
    void never;
    const isClaimed = async () =>
      (await store.db.selectFrom('idempotent_request').select('claim').where('is_answered', '=', 0).execute())
        .length === 1;
    while (!(await isClaimed())) await new Promise((resolve) => setImmediate(resolve));
    const longAgo = new Date(Date.now() - 130_000).toISOString();
    await store.db
      .updateTable('idempotent_request')
      .set({ created_at: longAgo })
      .where('is_answered', '=', 0)
      .execute();
    await expect(
      nodes[1]?.once(request('crash'), async () => ({ status: 201, headers: {} })),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY-OUTCOME-UNKNOWN' });
  });

  it('forgets after a day', async () => {
    const work = (text: string) => async () => ({ status: 201, headers: {}, text });
    expect((await nodes[0]?.once(request('day'), work('first')))?.text).toBe('first');
    const yesterday = new Date(Date.now() - 86_500_000).toISOString();
    await store.db.updateTable('idempotent_request').set({ created_at: yesterday }).execute();
    expect((await nodes[1]?.once(request('day'), work('second')))?.text).toBe('second');
    await store.db.updateTable('idempotent_request').set({ created_at: yesterday }).execute();
    await nodes[0]?.purge(new Date());
    expect(await store.db.selectFrom('idempotent_request').selectAll().execute()).toEqual([]);
  });
});
