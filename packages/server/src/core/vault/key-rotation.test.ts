import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { newHex } from '../crypto/random.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault, type SealContext } from './envelope.js';
import { createKeyRotation } from './key-rotation.js';
import { type KeyEncryptionKey, newKey } from './keyring.js';
import type { Master } from './keyring-rows.js';
import { openKeyring } from './open-keyring.js';
import { KeyRefusal, rotateKey } from './rotate-key.js';
import { secretRow, toSealedColumns } from './sealed-fields.js';

// Nodes over one store, each with its own view of the keys.

const root = mkdtempSync(path.join(tmpdir(), 'mooring-rotation-'));
const migrated = path.join(root, 'migrated');
let store: Store;
let master: KeyEncryptionKey;
beforeAll(async () => {
  const first = openStore({ dataFolder: migrated });
  await migrate(first);
  await first.checkpoint();
  await first.close();
});
beforeEach(() => {
  const dataFolder = path.join(root, newHex(6));
  cpSync(migrated, dataFolder, { recursive: true });
  store = openStore({ dataFolder });
  master = newKey();
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const context = (recordId: string): SealContext => ({
  ...{ tenantId: 't', recordKind: 'credential', recordId, ownerId: 'o', version: 1, field: 'login' },
});
const unrecorded = async () => undefined;

async function startNode({ wrapsMax = 2 ** 32, under = { key: master } as Master } = {}) {
  const keyring = await openKeyring(store, under, { wrapsMax });
  const vault = createVault(keyring);
  const lines: { msg: string; [member: string]: unknown }[] = [];
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const contextOfRequest = (row: { claim: string }) => context(row.claim);
  const rotation = createKeyRotation({ store, vault, keyring, log, contextOfRequest });
  const said = (words: string) => lines.filter(({ msg }) => msg.includes(words));
  return { keyring, vault, rotation, said };
}
type Node = Awaited<ReturnType<typeof startNode>>;

const numbered = (kind: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${kind} ${String(index).padStart(3, '0')}`);

async function keepSecrets({ vault }: Pick<Node, 'vault'>, ids: readonly string[]): Promise<void> {
  const rows = ids.map((id) => secretRow(context(id), vault.seal(id, context(id))));
  await store.db.insertInto('secret').values(rows).execute();
}

async function keepAnswers({ vault }: Node, claims: readonly string[]): Promise<void> {
  const rows = claims.map((claim) => ({
    ...{ tenant_id: 't', user_id: 'u', route: 'r', key_hash: claim, claim, is_answered: 1, bytes: 1 },
    ...{ ...toSealedColumns(vault.seal(claim, context(claim))), created_at: store.clock.iso() },
  }));
  await store.db.insertInto('idempotent_request').values(rows).execute();
}

const recordsUnder = async ({ rotation }: Node, id: string) =>
  (await rotation.list()).find((key) => key.id === id)?.records;
const stateOf = async ({ rotation }: Node, id: string) =>
  (await rotation.list()).find((key) => key.id === id)?.state;

/** Lets a node watch for whole seconds. */
async function watchFor(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    vi.advanceTimersByTime(1_000);
    // Until it waits for the next second.
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
  }
}
function watching(node: Node): Node {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  node.rotation.watch();
  return node;
}

it('a rotation moves whatever is under the former key, and reports what does not open', async () => {
  const node = await startNode();
  const former = node.keyring.active().id;
  const [secrets, answers] = [numbered('secret', 120), numbered('answer', 110)];
  await keepSecrets(node, secrets);
  await keepAnswers(node, answers);
  const changed = ['secret 003', 'secret 070', 'secret 119'];
  await store.db.updateTable('secret').set({ owner_id: 'x' }).where('record_id', 'in', changed).execute();
  await store.db
    .updateTable('idempotent_request')
    .set({ claim: 'moved' })
    .where('claim', '=', 'answer 050')
    .execute();
  expect(await node.rotation.list()).toEqual([
    { id: former, state: 'active', createdAt: expect.any(String), records: 230, wraps: expect.any(Number) },
  ]);

  const recorded: string[] = [];
  const active = await node.rotation.rotate(async (_tx, id) => void recorded.push(id));
  expect(recorded).toEqual([active]);
  await expect.poll(() => node.said('unreadable records')).toMatchObject([{ damaged: 4 }]);
  const list = await node.rotation.list();
  expect(list).toMatchObject([
    { id: former, state: 'previous', replacedAt: expect.any(String), records: 4 },
    { id: active, state: 'active', records: 226 },
  ]);
  expect(list[1]).not.toHaveProperty('replacedAt');
  const rows = await store.db.selectFrom('secret').selectAll().where('key_id', '=', active).execute();
  for (const { record_id, key_id, wrapped_key, ciphertext } of rows) {
    const sealed = { keyId: key_id, wrappedKey: wrapped_key, ciphertext };
    expect(node.vault.open(sealed, context(record_id)).reveal()).toBe(record_id);
  }
  await node.rotation.close();
});

it('a node that stops while it moves records stops between two batches, and another one continues', async () => {
  const node = await startNode();
  const former = node.keyring.active().id;
  await keepSecrets(node, numbered('secret', 160));
  await node.rotation.rotate(unrecorded);
  await node.rotation.close();
  expect(await recordsUnder(node, former)).toBeGreaterThan(0);
  const other = watching(await startNode());
  await watchFor(1);
  await expect.poll(() => recordsUnder(other, former)).toBe(0);
  await other.rotation.close();
  expect(vi.getTimerCount()).toBe(0);
});

it('a second rotation while records are being moved takes all of them to the newest key, and warns of none', async () => {
  const node = await startNode();
  await keepSecrets(node, numbered('secret', 200));
  await node.rotation.rotate(unrecorded);
  const newest = await node.rotation.rotate(unrecorded);
  await expect.poll(() => recordsUnder(node, newest)).toBe(200);
  await node.rotation.close();
  expect(node.said('')).toEqual([]);
});

it('a node seals under the key that another one made active, a second later', async () => {
  const [one, other] = [await startNode(), watching(await startNode())];
  const active = await one.rotation.rotate(unrecorded);
  expect(other.keyring.active().id).not.toBe(active);
  await watchFor(1);
  expect(other.keyring.active().id).toBe(active);
  await other.rotation.close();
});

it('what a slower node seals under the former key is moved too, also when a first attempt fails', async () => {
  const slower = await startNode();
  const former = slower.keyring.active().id;
  const node = watching(await startNode());
  await node.rotation.rotate(unrecorded);
  await watchFor(2);
  await keepSecrets(slower, ['late']);
  await sql`create trigger broken before update on secret begin select raise(abort, 'broken'); end`.execute(
    store.db,
  );
  await watchFor(15);
  await expect.poll(() => node.said('failed and will be retried')).toHaveLength(1);
  await sql`drop trigger broken`.execute(store.db);
  await watchFor(15);
  await expect.poll(() => recordsUnder(node, former)).toBe(0);
  await node.rotation.close();
});

it('a node that cannot read the keys says so, and continues to watch', async () => {
  const [one, node] = [await startNode(), watching(await startNode())];
  await sql`alter table vault_key rename to elsewhere`.execute(store.db);
  await watchFor(1);
  expect(node.said('could not be read')).toHaveLength(1);
  await sql`alter table elsewhere rename to vault_key`.execute(store.db);
  const active = await one.rotation.rotate(unrecorded);
  await watchFor(1);
  expect(node.keyring.active().id).toBe(active);
  await node.rotation.close();
});

it('warns once at half of the wrap limit, and replaces the key at three quarters', async () => {
  const node = watching(await startNode({ wrapsMax: 1_000 }));
  const first = node.keyring.active().id;
  const setWraps = (wraps: number) =>
    store.db.updateTable('vault_key').set({ wraps }).where('state', '=', 'active').execute();
  await setWraps(499);
  await watchFor(1);
  expect(node.said('50 %')).toEqual([]);
  await setWraps(500);
  await watchFor(2);
  expect(node.said('50 %')).toMatchObject([{ key: first }]);
  await setWraps(749);
  await watchFor(1);
  expect(await stateOf(node, first)).toBe('active');

  await setWraps(750);
  await sql`create trigger broken before insert on vault_key begin select raise(abort, 'broken'); end`.execute(
    store.db,
  );
  await watchFor(1);
  await expect.poll(() => node.said('was not rotated').length).toBeGreaterThan(0);
  expect(await stateOf(node, first)).toBe('active');
  await sql`drop trigger broken`.execute(store.db);
  await watchFor(1);
  await expect.poll(() => node.said('and was rotated')).toMatchObject([{ from: first }]);
  expect(await stateOf(node, first)).toBe('previous');
  expect(node.said('50 %')).toHaveLength(1);

  // A node that stops while it looks leaves the next rotation to another one.
  await setWraps(750);
  vi.advanceTimersByTime(1_000);
  await node.rotation.close();
  for (let turn = 0; turn < 10; turn += 1) await node.keyring.refresh();
  expect(await node.rotation.list()).toHaveLength(2);
});

it('requests to rotate that come together take the key that is coming, and one of them is recorded', async () => {
  const nodes = [await startNode(), await startNode(), await startNode()];
  const [one] = nodes;
  if (!one) throw new Error('no node');
  const coming = one.keyring.make();
  await store.db.insertInto('vault_key').values(coming).execute();
  const recorded: string[] = [];
  const record = async (_tx: unknown, id: string) => void recorded.push(id);
  const ids = await Promise.all(nodes.map(({ rotation }) => rotation.rotate(record)));
  expect(ids).toEqual(nodes.map(() => coming.id));
  expect(recorded).toEqual([coming.id]);
  expect((await one.rotation.list()).map(({ state }) => state).toSorted()).toEqual(['active', 'previous']);
  for (const { rotation } of nodes) await rotation.close();
});

it('a rotation that was interrupted is finished by the next, which makes no further key', async () => {
  const node = await startNode();
  const coming = node.keyring.make();
  await store.db.insertInto('vault_key').values(coming).execute();
  expect(await node.rotation.rotate(unrecorded)).toBe(coming.id);
  expect(await node.rotation.list()).toHaveLength(2);
  await node.rotation.close();
});

it('no key is retired that is active, was active a moment ago, or has records under it; and no other is touched', async () => {
  const node = await startNode();
  const former = node.keyring.active().id;
  await keepSecrets(node, ['secret']);
  await store.db.updateTable('secret').set({ owner_id: 'x' }).execute();
  await expect(node.rotation.retire(former, unrecorded)).rejects.toThrow(KeyRefusal);
  const active = await node.rotation.rotate(unrecorded);
  expect(await node.rotation.retire('unknown', unrecorded)).toBe(false);
  const replaced = async (seconds: number) => {
    const replaced_at = new Date(store.clock.now() - seconds * 1_000).toISOString();
    await store.db.updateTable('vault_key').set({ replaced_at }).where('id', '=', former).execute();
  };
  const retire = () => node.rotation.retire(former, unrecorded);
  await expect(retire()).rejects.toThrow('15 seconds');
  await replaced(14);
  await expect(retire()).rejects.toThrow('15 seconds');
  await replaced(16);
  await expect(retire()).rejects.toThrow('1 records');
  await store.db.deleteFrom('secret').execute();
  await keepAnswers(node, ['answer']);
  await store.db.updateTable('idempotent_request').set({ key_id: former }).execute();
  await expect(retire()).rejects.toThrow('1 records');
  await store.db.deleteFrom('idempotent_request').execute();
  expect(await retire()).toBe(true);
  expect(node.keyring.find(former)).toBeUndefined();
  expect((await node.rotation.list()).map(({ id }) => id)).toEqual([active]);
  await node.rotation.close();
});

it('while the master key is replaced, only a node with the new one rotates', async () => {
  const node = await startNode();
  const key = newKey();
  const next = await startNode({ under: { key, previous: master } });
  await expect(rotateKey(store, node.keyring, unrecorded)).rejects.toThrow(KeyRefusal);
  const active = await next.rotation.rotate(unrecorded);
  const later = await startNode({ under: { key } });
  expect(later.keyring.active().id).toBe(active);
  await next.rotation.close();
});

it('what is sealed under the master key itself, from before the keyring, is moved, even after another master key came', async () => {
  const earlier = createVault(master);
  await keepSecrets({ vault: earlier }, ['secret']);
  const node = watching(await startNode({ under: { key: newKey(), previous: master } }));
  expect(node.keyring.formerIds()).toContain(master.id);
  await watchFor(1);
  const active = node.keyring.active().id;
  await expect.poll(() => recordsUnder(node, active)).toBe(1);
  await node.rotation.close();
});
