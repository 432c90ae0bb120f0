import { Secret } from '@mooring/connectors/interface/secret';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { newUuid } from '../../crypto/random.js';
import { reconcile } from '../../opening/reconcile.js';
import { createOrphanSweep } from '../records/sealed-orphans.js';
import { coarseSeconds, deviceCase, granted, log, pending, slower } from './__fixtures__/device-case.js';
import { purgeSignIns } from './sign-in-store.js';

describe('a sign-in on another device, by the clock', () => {
  const { given, request, rowOf, begin, look } = deviceCase();

  it('O31: asks at most every 5 s, 5 s less often after each slow_down, and not at all after the end', async () => {
    const id = await begin();
    const begun = given.at;
    for (let second = 0; second <= 130; second += 1) {
      given.at = begun + second * 1000;
      const isSlow = second === 10 || second === 15;
      given.answer = isSlow ? slower : pending;
      await look(id);
      await look(id);
    }
    const seconds = given.asked.map((time) => (time - begun) / 1000);
    expect(seconds.slice(0, 6)).toEqual([0, 5, 10, 20, 30, 40]);
    expect(Math.max(...seconds)).toBeLessThan(120);
  });

  it('O31: a second slow_down adds another 5 s', async () => {
    const id = await begin();
    const begun = given.at;
    given.answer = slower;
    for (let second = 0; second <= 50; second += 1) {
      given.at = begun + second * 1000;
      await look(id);
    }
    expect(given.asked.map((time) => (time - begun) / 1000)).toEqual([0, 10, 25, 45]);
  });

  it('a provider that is down is asked more rarely, and nothing ends', async () => {
    const id = await begin();
    given.answer = { status: 503, body: {} };
    expect(await look(id)).toBe('pending');
    given.at += 9_000;
    await look(id);
    expect(given.asked).toHaveLength(1);
    given.at += 1_000;
    given.answer = granted;
    expect(await look(id)).toBe('arrived');
  });

  it('TR12: reported coarsely, no failure but the decision of the provider ends it, and all are reported at one instant', async () => {
    const { signInId: id } = await given.signIns.begin({ ...request(), isCoarse: true });
    for (const failure of [
      { status: 503, body: {} },
      { status: 200, body: { no: 'tokens' } },
      { status: 401, body: { error: 'invalid_client' } },
    ]) {
      given.answer = failure;
      const begun = performance.now();
      expect(await look(id), JSON.stringify(failure)).toBe('pending');
      expect(performance.now() - begun).toBeGreaterThan(coarseSeconds * 1000 - 5);
      given.at += 30_000;
    }
    expect(given.asked).toHaveLength(3);
    given.answer = { status: 400, body: { error: 'access_denied' } };
    expect(await look(id)).toBe('failed');
  });

  it('a code that the provider calls expired ends it at once', async () => {
    const id = await begin();
    given.answer = { status: 400, body: { error: 'expired_token' } };
    expect(await look(id)).toBe('expired');
    given.at += 60_000;
    await look(id);
    expect(given.asked).toHaveLength(1);
  });

  it('LI5: unclaimed tokens are destroyed and revoked, although the provider is down at first', async () => {
    const id = await begin();
    given.answer = granted;
    expect(await look(id)).toBe('arrived');
    given.at += 121_000;
    await purgeSignIns(given.store.db, new Date(given.at));
    given.isRevocationDown = true;
    await given.signIns.endUnclaimed();
    given.isRevocationDown = false;
    await expect.poll(() => given.revoked, { timeout: 5_000 }).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('expired');
    const sealed = await given.store.db
      .selectFrom('secret')
      .selectAll()
      .where('record_id', '=', id)
      .execute();
    expect(sealed).toEqual([]);
    await expect(given.signIns.redeem(request(), new Secret(id))).rejects.toMatchObject({
      code: 'SIGN-IN-INVALID',
    });
  });

  it('O03: of fifty second calls one gets the tokens', async () => {
    const id = await begin();
    given.answer = granted;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => given.signIns.redeem(request(), new Secret(id))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(given.asked).toHaveLength(1);
  });

  it('O18: a process that dies between claim and store loses nothing: the sign-in can be completed again', async () => {
    const id = await begin();
    given.answer = granted;
    const lost = await given.signIns.redeem(request(), new Secret(id));
    expect(lost.tokens.accessToken.reveal()).toBe('canary-access');
    await reconcile(given.store, log);
    const again = await given.signIns.redeem(request(), new Secret(id));
    expect(again.tokens.accessToken.reveal()).toBe('canary-access');
    expect(given.asked).toHaveLength(1);
    await given.store.transaction((tx) => again.complete(tx));
    expect((await rowOf(id)).status).toBe('completed');
  });

  it('LI5: a grant that could not be stored is revoked, although the provider is down at first', async () => {
    const id = await begin();
    given.answer = granted;
    given.isRevocationDown = true;
    await (await given.signIns.redeem(request(), new Secret(id))).abandon('not_stored');
    given.isRevocationDown = false;
    await expect.poll(() => given.revoked, { timeout: 5_000 }).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('failed');
  });

  it('LI5: a grant that may be stored is revoked if it is not, and kept if it is', async () => {
    given.answer = granted;
    const stored = await given.signIns.redeem(request(), new Secret(await begin()));
    await given.store.transaction((tx) => stored.complete(tx));
    await stored.abandon('unknown');
    await given.revoker.settled();
    expect(given.revoked).toEqual([]);
    const lost = await given.signIns.redeem(request(), new Secret(await begin()));
    await lost.abandon('unknown');
    await expect.poll(() => given.revoked).toEqual(['canary-refresh']);
    expect((await rowOf(lost.signInId)).status).toBe('failed');
  });

  it('LI4: a sign-in that was ended while its code was redeemed stores nothing', async () => {
    given.answer = granted;
    const redeemed = await given.signIns.redeem(request(), new Secret(await begin()));
    const scope = { tenantId: given.caller.tenantId, userId: given.caller.userId };
    await given.store.transaction((tx) => given.revoker.end(tx, scope));
    await expect(given.store.transaction((tx) => redeemed.complete(tx))).rejects.toMatchObject({
      code: 'SIGN-IN-INVALID',
    });
    expect((await rowOf(redeemed.signInId)).status).toBe('failed');
    await given.revoker.settled();
    expect(given.revoked).toEqual(['canary-refresh']);
  });

  it('LI4: a tidying round finds what is sealed without its record, and revokes its grants', async () => {
    const { tenantId: tenant_id, userId: owner_id } = given.caller;
    const [orphan, ended, living] = [await begin(), await begin(), await begin()];
    given.answer = granted;
    for (const id of [orphan, ended, living]) await look(id);
    await given.store.db.deleteFrom('sign_in').where('id', '=', orphan).execute();
    await given.store.db.updateTable('sign_in').set({ status: 'failed' }).where('id', '=', ended).execute();
    const { wrapped_key, ciphertext, key_id } = await given.store.db
      .selectFrom('secret')
      .selectAll()
      .executeTakeFirstOrThrow();
    const place = { tenant_id, owner_id, version: 1, key_id, wrapped_key, ciphertext };
    for (const record_kind of ['credential', 'connection', 'revocation'] as const) {
      await given.store.db
        .insertInto('secret')
        .values({ ...place, record_kind, record_id: newUuid(), field: 'x' })
        .execute();
    }
    // TR10: of two tenants with the same id one has the connection.
    const shared = newUuid();
    await sql`insert into connection (id, tenant_id, name, name_key, scope, owner_id, source_id, properties, separated,
        destination, qri, tags, version, created_at, updated_at)
      values (${shared}, ${tenant_id}, 'x', 'x', 'x', ${owner_id}, 'rest', '{}', 0, '', '', '[]', 1, '', '')`.execute(
      given.store.db,
    );
    for (const tenant of [tenant_id, 'elsewhere']) {
      const sealed = { ...place, tenant_id: tenant, record_kind: 'connection' as const };
      await given.store.db
        .insertInto('secret')
        .values({ ...sealed, record_id: shared, field: tenant })
        .execute();
    }
    const sweep = createOrphanSweep({ store: given.store, vault: given.vault, revoker: given.revoker, log });
    // It begins anywhere, and comes to the beginning with the second round.
    await sweep();
    await sweep();
    await expect.poll(() => given.revoked).toEqual(['canary-refresh', 'canary-refresh']);
    await expect
      .poll(() => given.store.db.selectFrom('secret').select(['record_kind', 'record_id', 'field']).execute())
      .toEqual([
        { record_kind: 'connection', record_id: shared, field: tenant_id },
        { record_kind: 'sign-in', record_id: living, field: 'device' },
        { record_kind: 'sign-in', record_id: living, field: 'tokens' },
      ]);
  });

  it('LI5: tokens are kept until the store is back, and then revoked', async () => {
    const owner = {
      id: '',
      tenant_id: given.caller.tenantId,
      owner_id: given.caller.userId,
      source_id: 'rest',
      name: '',
    };
    await given.store.db.schema.alterTable('revocation').renameTo('away').execute();
    await given.revoker.revokeTokens(owner, request().setup, {
      accessToken: new Secret('a'),
      refreshToken: new Secret('canary-kept'),
    });
    expect(given.revoked).toEqual([]);
    await given.store.db.schema.alterTable('away').renameTo('revocation').execute();
    await expect.poll(() => given.revoked, { timeout: 5_000 }).toEqual(['canary-kept']);
  });
});
