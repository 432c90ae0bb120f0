import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../crypto/digest.js';
import { createRecordKeeper } from '../../usage-log/keeper.js';
import { createUseLog } from '../../usage-log/log.js';
import { verifyUses } from '../../usage-log/verify.js';
import { createVault, type Vault } from '../../vault/envelope.js';
import { newKey } from '../../vault/keyring.js';
import { openStore, type Store } from '../store.js';
import { migrations } from './all.js';

const log = pino({ level: 'silent' });
const [tenantId, userId] = ['t', 'u'];

/** A store of version 0.1 with a chain of `count` uses, as that version wrote it, and its sealed head. */
async function storeOfVersion01(folder: string, vault: Vault, count: number): Promise<Store> {
  const store = openStore({ dataFolder: folder });
  for (const [name, migration] of Object.entries(migrations)) {
    if (name < '0013') await migration.up(store.db);
  }
  await sql`insert into tenant values (${tenantId}, 't', '')`.execute(store.db);
  let previous = '';
  for (let seq = 1; seq <= count; seq += 1) {
    const isOutcome = seq % 2 === 0;
    const [at, of] = ['2025-01-01T00:00:00.000Z', isOutcome ? seq - 1 : null];
    const [result, rows, bytes] = isOutcome ? ['ok', 3, 40] : ['started', null, null];
    const members = [tenantId, seq, at, userId, 'c', 'k', 'o', 'read', result, rows, of, previous];
    // The first records are from before keys were kept.
    const facts = seq <= 2 ? [null, null, null, null] : ['key', 1, 'what', bytes];
    const hash = sha256(JSON.stringify([...members, ...(seq <= 2 ? [] : facts)]));
    const [keyId, version, what, given] = facts;
    await sql`insert into use (tenant_id, seq, at, user_id, connection_id, credential_id, credential_owner_id, action,
        result, rows, of_seq, previous_hash, hash, key_id, credential_version, what_hash, bytes)
      values (${tenantId}, ${seq}, ${at}, ${userId}, 'c', 'k', 'o', 'read', ${result}, ${rows}, ${of}, ${previous},
        ${hash}, ${keyId}, ${version}, ${what}, ${given})`.execute(store.db);
    previous = hash;
  }
  const context = { tenantId, recordKind: 'use-head', recordId: tenantId, ownerId: '', field: 'head' };
  const sealed = vault.seal({ seq: count, hash: previous }, { ...context, version: count });
  await sql`insert into secret (tenant_id, record_kind, record_id, field, owner_id, version, key_id, wrapped_key,
      ciphertext)
    values (${tenantId}, 'use-head', ${tenantId}, 'head', '', ${count}, ${sealed.keyId}, ${sealed.wrappedKey},
      ${sealed.ciphertext})`.execute(store.db);
  return store;
}

describe('the chain of uses of version 0.1', () => {
  let folder: string;
  let vault: Vault;
  let store: Store;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-migration-'));
    vault = createVault(newKey());
    store = await storeOfVersion01(folder, vault, 6);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The upgrade, a use after it, and the proof. */
  const upgraded = async () => {
    for (const [name, migration] of Object.entries(migrations)) {
      if (name >= '0013') await migration.up(store.db);
    }
    const keeper = createRecordKeeper({ store, vault, log });
    const uses = createUseLog({ store, keeper, signInRefused: async () => undefined, log });
    await uses.open();
    const ticket = await uses.begin({
      caller: { userId, tenantId, name: 'a', roles: [], keyId: 'k', keyKind: 'api-key' },
      connection: { id: 'c', space_id: null },
      credential: undefined,
      action: 'read',
    });
    await ticket.finish('ok');
    const kept = await keeper.recordOf(tenantId);
    await keeper.checkpoint(kept);
    const keyOf = keeper.keyOf(tenantId);
    const verify = () => verifyUses({ db: store.db, kept, keyOf, isUpToDate: true, withinMs: 10_000 });
    const [closing] = await store.db.selectFrom('use_checkpoint').selectAll().orderBy('number').execute();
    return { verify, note: closing?.note };
  };

  it('item 4: is closed by the first checkpoint, and stays provable', async () => {
    const { verify, note } = await upgraded();
    expect(note).toBe('chain of 0.1 closed');
    expect(await verify()).toMatchObject({ ok: true, records: 8 });
    const heads = await store.db.selectFrom('secret').select('record_kind').execute();
    expect(heads.map(({ record_kind }) => record_kind)).toEqual(['use-key']);
    for (const seq of [2, 5]) {
      await sql`update use_record set user_id = 'x' where shard = -1 and seq = ${seq}`.execute(store.db);
      expect(await verify()).toMatchObject({ ok: false, broken: { shard: -1, seq, problem: 'changed' } });
      await sql`update use_record set user_id = ${userId} where shard = -1 and seq = ${seq}`.execute(
        store.db,
      );
    }
    // Anyone could create such a chain, as it has no key; what counts is the signed head.
    await sql`delete from use_record where shard = -1 and seq > 4`.execute(store.db);
    expect(await verify()).toMatchObject({ ok: false, broken: { shard: -1, seq: 5, problem: 'cut off' } });
  });

  it('LI2: says under its signature that the sealed head was missing, or was another, before the upgrade', async () => {
    await sql`delete from secret where record_kind = 'use-head'`.execute(store.db);
    expect((await upgraded()).note).toBe('chain of 0.1 closed; its sealed head was missing');
  });

  it('LI2: compares number and hash of the sealed head', async () => {
    await sql`update use set hash = 'x' where seq = 6`.execute(store.db);
    expect((await upgraded()).note).toBe('chain of 0.1 closed; it did not end at its sealed head');
  });
});
