import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Secret } from '@mooring/connectors/interface/secret';
import type { TokenFault } from '@mooring/lab/authorization-server/faults';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { expectNoSecretIn } from '../../../testing/secret-scan.js';
import { filesIn } from '../../../testing/secret-search.js';
import { answer, grantCase, tokenLifeMs } from './__fixtures__/grant-case.js';

describe('the token that a use gets', () => {
  const given = grantCase();
  const { calls, isGood, end, tokenOf, asked } = given;

  it('G2, F4: a refresh ahead of time that fails costs no use, until the provider proves the grant dead', async () => {
    const process = given.stand.process();
    const before = await asked(process);
    given.stand.clock.move(tokenLifeMs - 40_000);
    given.stand.lab.switches.tokenNext = [answer(503, 'down')];
    expect(await asked(process)).toBe(before);
    await process.settled();
    expect(calls()).toBe(1);
    given.stand.clock.move(20_000);
    given.stand.lab.switches.tokenNext = [answer(400, { error: 'invalid_grant' })];
    await expect(asked(process)).rejects.toMatchObject({ kind: 'auth_failed' });
  });

  it('G4: no use gets the token again that its source refused', async () => {
    const process = given.stand.process();
    const refused = { refused: new Secret(await asked(process)) };
    given.stand.lab.switches.tokenNext = [answer(503, 'down')];
    await expect(tokenOf(process, given.credential, refused)).rejects.toMatchObject({ kind: 'unreachable' });
    given.stand.clock.move(2_000);
    // Neither does one that joins a refresh of others.
    end();
    given.stand.lab.switches.tokenNext = [answer(200, { access_token: 'poor', expires_in: 600 })];
    const [first, second] = await Promise.all([
      asked(process),
      tokenOf(process, given.credential, { refused: new Secret('poor') }),
    ]);
    expect(first).toBe('poor');
    expect(await isGood(second)).toBe(true);
    expect(calls()).toBe(3);
  });

  it('G4: a refused use asks the provider whether its grant is alive, unless that is known', async () => {
    const process = given.stand.process();
    const handedOut = new Secret(await asked(process));
    const now = given.stand.clock.now();
    const assertAlive = (used: object, grants = process) =>
      grants.assertAlive(given.credential, given.stand.setup, { handedOut, askedAt: now, ...used });
    const renewed = { kind: 'unreachable', isRetryable: true };
    await expect(assertAlive({ handedOut: undefined })).rejects.toMatchObject(renewed);
    await expect(assertAlive({ handedOut: new Secret('older') })).rejects.toMatchObject(renewed);
    // It was issued during the use.
    await assertAlive({ askedAt: now - 3_600_000 });
    expect(calls()).toBe(0);
    await assertAlive({});
    expect(calls()).toBe(1);
    await expect(assertAlive({})).rejects.toMatchObject(renewed);
    const current = { handedOut: new Secret(await asked(process)), askedAt: now + 3_600_000 };
    given.stand.lab.switches.tokenAlways = answer(400, { error: 'invalid_grant' });
    for (const grants of [process, given.stand.process()]) {
      await expect(assertAlive(current, grants)).rejects.toMatchObject({ kind: 'auth_failed' });
    }
    expect(calls()).toBe(2);
    await given.stand.delete(given.credential);
    await expect(assertAlive(current)).rejects.toMatchObject({ kind: 'auth_failed' });
  });
});

describe('what becomes of refreshed tokens', () => {
  const given = grantCase();
  const { calls, isGood, end, holdNext, tokenOf, asked, signInAgain, refuseWrites, soon } = given;

  it('F8, O29: a deleted credential stays deleted, and tokens that were just issued are revoked', async () => {
    end();
    const process = given.stand.process();
    const { arrived, release } = holdNext();
    const waiting = asked(process).catch((error: unknown) => error);
    await arrived;
    await given.stand.delete(given.credential);
    release();
    expect(await waiting).toMatchObject({ kind: 'auth_failed' });
    expect(await given.stand.stateOf(given.credential)).toBeUndefined();
    await expect.poll(() => given.stand.lab.counts().revocation).toBe(1);
  });

  it('F9, O30: a newer sign-in wins over a running refresh, whose tokens are not revoked', async () => {
    end();
    // Its grant has been renewed before, so that the versions of grant and credential differ.
    await asked();
    end();
    const { arrived, release } = holdNext();
    // With patience: a sign-in takes its time on a busy machine.
    const waiting = asked(given.stand.process({ times: { waitMs: 200_000 } }));
    await arrived;
    const newer = await signInAgain();
    const token = await tokenOf(given.stand.process(), newer);
    release();
    expect(await waiting).toBe(token);
    expect(await isGood(token)).toBe(true);
    expect(await tokenOf(given.stand.process(), newer)).toBe(token);
    // Of this credential: revocations of other tests may arrive late, or twice.
    const noted = given.stand.store.db
      .selectFrom('revocation')
      .where('credential_id', '=', given.credential.id);
    expect(await noted.selectAll().execute()).toEqual([]);
    expect(await given.stand.stateOf(given.credential)).toBe('ready');
  });

  it('item 3: a use that began with the sign-in before does not get the token of a newer one', async () => {
    const newer = await signInAgain();
    const retried = { kind: 'unreachable', isRetryable: true, retryAfterSeconds: 1 };
    await expect(asked()).rejects.toMatchObject(retried);
    expect(await isGood(await tokenOf(given.stand.process(), newer))).toBe(true);
  });

  it('F2, F9, O30: an old grant that is found dead does not end a newer sign-in', async () => {
    end();
    const { arrived, release } = holdNext();
    given.stand.lab.switches.tokenNext = [
      { ...answer(400, { error: 'invalid_grant' }), commit: true } as TokenFault,
    ];
    const waiting = asked();
    await arrived;
    await signInAgain();
    release();
    expect(await isGood(await waiting)).toBe(true);
    expect(await given.stand.stateOf(given.credential)).toBe('ready');
  });

  it('F11, O19: keeps in memory what the store cannot take, and stores it when it is back', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    const { db } = given.stand.store;
    await sql.raw('alter table secret rename to secret_away').execute(db);
    release();
    await expect.poll(() => given.stand.lab.switches.tokenWatch).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    await sql.raw('alter table secret_away rename to secret').execute(db);
    const token = await waiting;
    expect(await isGood(token)).toBe(true);
    expect(await asked(given.stand.process())).toBe(token);
    expect(calls()).toBe(1);
  });

  it('F11, F13: callers stop waiting for the store too, and tokens wait in memory where nothing can be sealed', async () => {
    end();
    const dataFolder = given.stand.newFolder();
    const { arrived, release } = holdNext();
    const process = given.stand.process({ dataFolder, times: { waitMs: 200 } });
    writeFileSync(path.join(dataFolder, 'kept-tokens'), 'no folder');
    const nameOfFailure = () => asked(process).catch(({ name }) => name);
    const waiting = nameOfFailure();
    await arrived;
    const takeWrites = await refuseWrites('secret');
    release();
    await waiting;
    await expect.poll(nameOfFailure).toBe('StoreUnavailableError');
    await takeWrites();
    await process.settled();
    expect(await isGood(await asked(given.stand.process()))).toBe(true);
    expect(calls()).toBe(1);
  });

  it('F8, O28: tokens of a credential that is gone are revoked once, though the store was away meanwhile', async () => {
    const revoker = given.stand.revoker(50);
    const { db } = given.stand.store;
    await sql.raw('alter table revocation rename to revocation_away').execute(db);
    await revoker.revokeTokens(given.credential, given.stand.setup, { accessToken: new Secret('orphan') });
    await sql.raw('alter table revocation_away rename to revocation').execute(db);
    for (const _ of [1, 2]) await revoker.settled();
    const noted = db.selectFrom('revocation').where('credential_id', '=', given.credential.id);
    expect(await noted.select(['status', 'attempts']).execute()).toEqual([
      { status: 'revoked', attempts: 1 },
    ]);
    await revoker.close();
  });

  const keptIn = (dataFolder: string): string[] => {
    const kept = path.join(dataFolder, 'kept-tokens');
    return existsSync(kept) ? readdirSync(kept) : [];
  };

  /** A process that ends while the store takes nothing, with renewed tokens. @returns its data folder */
  const endWithTokens = async (): Promise<string> => {
    end();
    const dataFolder = given.stand.newFolder();
    const { arrived, release } = holdNext();
    const process = given.stand.process({ dataFolder });
    const waiting = asked(process).catch((error: unknown) => error);
    await arrived;
    const { db } = given.stand.store;
    await sql.raw('alter table secret rename to secret_away').execute(db);
    release();
    await soon(async () => keptIn(dataFolder).some((name) => name.endsWith('.json')));
    expectNoSecretIn(filesIn(dataFolder));
    await process.close();
    expect(await waiting).toBeInstanceOf(Error);
    await sql.raw('alter table secret_away rename to secret').execute(db);
    return dataFolder;
  };

  it('LI17, F11: tokens that a process could not store before it ended stay sealed in its data folder, and the next start stores them', async () => {
    const dataFolder = await endWithTokens();
    const again = given.stand.process({ dataFolder });
    await again.recover();
    expect(await isGood(await asked(again))).toBe(true);
    expect(keptIn(dataFolder)).toEqual([]);
    expect(calls()).toBe(1);
    expect(given.stand.lab.counts().revocation).toBe(0);
  });

  describe('in a store that was set back to before the last refresh', () => {
    const storedGrant = () =>
      given.stand.store.db
        .selectFrom('secret')
        .select(['version', 'wrapped_key', 'ciphertext'])
        .where('record_id', '=', given.credential.id)
        .where('field', '=', 'grant')
        .executeTakeFirstOrThrow();
    /** @returns the data folder of a process that has newer tokens than the store */
    const setBack = async (change = {}): Promise<string> => {
      const before = await storedGrant();
      end();
      await asked();
      const dataFolder = await endWithTokens();
      await given.stand.store.db
        .updateTable('secret')
        .set({ ...before, ...change })
        .where('record_id', '=', given.credential.id)
        .where('field', '=', 'grant')
        .execute();
      return dataFolder;
    };

    it.each([
      ['that it holds', {}],
      ['whose key is gone', { wrapped_key: 'AAAA' }],
    ])('LI17: tokens that waited take the place of the older grant %s', async (_, change) => {
      const dataFolder = await setBack(change);
      const again = given.stand.process({ dataFolder });
      await again.recover();
      expect(keptIn(dataFolder)).toEqual([]);
      expect(await isGood(await asked(again))).toBe(true);
      expect(calls()).toBe(2);
    });

    it('LI17: they take the place of no sign-in that came since, though it has the same version', async () => {
      const dataFolder = await setBack();
      given.stand.clock.move(1_000);
      given.credential = await given.stand.signInAgain(given.credential);
      expect((await storedGrant()).version).toBe(2);
      const newest = await asked();
      await given.stand.process({ dataFolder }).recover();
      expect(await asked()).toBe(newest);
    });
  });

  it('LI9: a process that stops begins no refresh, and does not wait for a silent provider', async () => {
    end();
    const process = given.stand.process();
    await process.close();
    await expect(asked(process)).rejects.toThrow('The service is stopping.');
    let isAsked = false;
    const silent = await listenOnLoopback(0, () => () => {
      isAsked = true;
    });
    const revoker = given.stand.revoker(50);
    const preset = { ...given.stand.setup.preset, revocationEndpoint: `${silent.url}/revoke` };
    const tokens = { accessToken: new Secret('given up') };
    await revoker.revokeTokens(given.credential, { ...given.stand.setup, preset }, tokens);
    await soon(async () => isAsked);
    const begun = performance.now();
    await revoker.close();
    expect(performance.now() - begun).toBeLessThan(2_000);
    const { status } = await given.stand.store.db
      .selectFrom('revocation')
      .select('status')
      .where('credential_id', '=', given.credential.id)
      .executeTakeFirstOrThrow();
    expect(status).toBe('queued');
    await silent.close();
  });
});
