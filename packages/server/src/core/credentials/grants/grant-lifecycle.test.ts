import { existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import { Secret } from '@mooring/connectors/spec/secret';
import type { TokenFault } from '@mooring/lab/authorization-server/faults';
import { createSwitches } from '@mooring/lab/authorization-server/faults';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { expectNoSecretIn } from '../../../testing/secret-scan.js';
import { filesIn } from '../../../testing/secret-search.js';
import { gateOf } from '../../oauth/__fixtures__/token-server.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable } from '../../store/tables.js';
import { type GrantStand, movableClock, startGrantStand } from './__fixtures__/grant-stand.js';
import type { TokenOptions } from './access-token.js';
import type { Grants } from './grants.js';

// The cells of docs/reference/grant-lifecycle.md that are about renewal; each is named by its id.

const life = 300_000;
const answer = (status: number, body: object | string, headers: Record<string, string> = {}): TokenFault => ({
  kind: 'answer',
  answer: {
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
    ...(typeof body === 'string' ? { contentType: 'text/html' } : {}),
  },
});

describe('the life of a grant', () => {
  let stand: GrantStand;
  let credential: CredentialTable;

  beforeAll(async () => {
    stand = await startGrantStand();
  });
  afterAll(() => stand.close());
  beforeEach(async () => {
    Object.assign(stand.lab.switches, createSwitches());
    stand.clock.reset();
    credential = await stand.credential();
    stand.lab.resetCounts();
  });

  const calls = () => stand.lab.counts().token.refresh_token;
  const isGood = async (token: string) => (await stand.lab.verifyAccessToken(token)).active;
  /** Lets the token end, by the clock of the store. */
  const end = () => stand.clock.move(life + 1000);
  /** Holds the next renewal after its work and before its answer. */
  const holdNext = () => {
    let release = () => {};
    let tell = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const before = calls();
    stand.lab.switches.tokenWatch = (moment) => {
      if (moment !== 'done' || calls() === before) return undefined;
      stand.lab.switches.tokenWatch = undefined;
      tell();
      return held;
    };
    return { arrived, release };
  };
  const tokenOf = async (process: Grants, of: CredentialTable, options?: TokenOptions) =>
    (await process.accessToken(of, stand.setup, options)).reveal();
  const asked = (process = stand.process()) => tokenOf(process, credential);
  const signInAgain = () => {
    stand.clock.reset();
    return stand.signInAgain(credential);
  };

  it('G1: uses a token with life left, and calls nobody', async () => {
    const process = stand.process();
    expect(await asked(process)).toBe(await asked(process));
    expect(calls()).toBe(0);
  });

  it('G1: a token that nothing can renew is used until the source refuses it, and not taken for dead by a guess', async () => {
    const body = JSON.stringify({ access_token: 'endless', token_type: 'bearer' });
    stand.lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 200, body } }];
    const credential = await stand.credential();
    stand.clock.move(400 * 24 * 3600_000);
    const grants = stand.process();
    expect(await tokenOf(grants, credential)).toBe('endless');
    await grants.settled();
    expect(await stand.stateOf(credential)).toBe('ready');
    const refused = tokenOf(grants, credential, { refused: new Secret('endless') });
    await expect(refused).rejects.toMatchObject({ kind: 'auth_failed' });
  });

  it('G2: renews a token that is about to end, and lets the use go on with it meanwhile', async () => {
    const process = stand.process();
    const before = await asked(process);
    stand.clock.move(life - 40_000);
    const { release } = holdNext();
    expect(await asked(process)).toBe(before);
    release();
    await process.settled();
    expect(calls()).toBe(1);
    expect(await asked(process)).not.toBe(before);
    expect(calls()).toBe(1);
  });

  it('G3, F1, O20: renews once for all uses of all processes when the token has ended', async () => {
    end();
    const processes = [stand.process(), stand.process(), stand.process()];
    const tokens = await Promise.all(Array.from({ length: 60 }, (_, index) => asked(processes[index % 3])));
    expect(new Set(tokens).size).toBe(1);
    expect(await isGood(tokens[0] ?? '')).toBe(true);
    expect(calls()).toBe(1);
    expect(await stand.grantState(credential)).toMatchObject({
      holder: null,
      intent_version: null,
      attempts: 0,
    });
  });

  it('M: a grant that another process renews between the look and the lease is not renewed again', async () => {
    end();
    let others: Promise<string> | undefined;
    const store: Store = {
      ...stand.store,
      async transaction(work) {
        others ??= asked();
        await others;
        return stand.store.transaction(work);
      },
    };
    const token = await asked(stand.process({ store }));
    expect(token).toBe(await others);
    expect(calls()).toBe(1);
    expect((await stand.grantState(credential))?.holder).toBeNull();
  });

  it('G4: renews once when the source refuses the token, whoever says so', async () => {
    const processes = [stand.process(), stand.process()];
    const refused = await asked(processes[0]);
    const options = { refused: new Secret(refused) };
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        tokenOf(processes[index % 2] ?? stand.process(), credential, options),
      ),
    );
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).not.toBe(refused);
    expect(calls()).toBe(1);
  });

  it('F1, O26: keeps the refresh token that an answer leaves out, and remembers scopes that are lost', async () => {
    end();
    const fresh = { access_token: 'a-token', token_type: 'Bearer', expires_in: 60, scope: 'read openid' };
    stand.lab.switches.tokenNext = [answer(200, fresh)];
    expect(await asked()).toBe('a-token');
    expect((await stand.grantState(credential))?.scope_lost?.split(' ').toSorted()).toEqual([
      'offline_access',
      'write',
    ]);
    stand.clock.move(61_000);
    expect(await isGood(await asked())).toBe(true);
    expect(calls()).toBe(2);
  });

  it.each([
    ['F2, O24: a grant that is proven dead', answer(400, { error: 'invalid_grant' })],
    ['F3: a provider that wants the person', answer(400, { error: 'interaction_required' })],
  ])('%s asks for a new sign-in, with one call', async (_, fault) => {
    end();
    stand.lab.switches.tokenAlways = fault;
    const process = stand.process();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => asked(process)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { kind: 'auth_failed' } });
    expect(await stand.stateOf(credential)).toBe('needs_sign_in');
    expect(calls()).toBe(1);
  });

  it.each([
    ['500', answer(500, { error: 'server_error' })],
    ['503', answer(503, 'down')],
    ['an HTML page', answer(200, '<html><body>maintenance</body></html>')],
    ['no answer', { kind: 'drop' } as TokenFault],
    ['an unknown error', answer(400, { error: 'something_new' })],
  ])('F4, S1, S2, O25: %s costs no grant: a pause, then one try more', async (_, fault) => {
    end();
    stand.lab.switches.tokenNext = [fault];
    const process = stand.process();
    await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable', retryAfterSeconds: 1 });
    expect(await stand.grantState(credential)).toMatchObject({ holder: null, attempts: 1, failures: 1 });
    await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(asked(stand.process())).rejects.toMatchObject({ kind: 'unreachable' });
    expect(calls()).toBe(1);
    stand.clock.move(1000);
    expect(await isGood(await asked(process))).toBe(true);
    expect(calls()).toBe(2);
    expect(await stand.stateOf(credential)).toBe('ready');
  });

  it('F4, O25: doubles the pause, and goes on with a token that is still good', async () => {
    stand.lab.switches.tokenAlways = answer(503, 'down');
    const process = stand.process();
    const before = await asked(process);
    stand.clock.move(life - 20_000);
    expect(await asked(process)).toBe(before);
    stand.clock.move(21_000);
    for (let failure = 1; failure <= 5; failure += 1) {
      stand.clock.move(60_000);
      await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable' });
    }
    expect(calls()).toBe(6);
    const row = await stand.grantState(credential);
    const pause = Date.parse(row?.not_before ?? '') - stand.clock.now();
    expect(pause).toBeGreaterThan(20_000);
    expect(pause).toBeLessThanOrEqual(32_000);
  });

  it('F5, O25: honours Retry-After in every process', async () => {
    end();
    stand.lab.switches.tokenNext = [answer(429, {}, { 'retry-after': '120' })];
    await expect(asked()).rejects.toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 120 });
    stand.clock.move(119_000);
    await expect(asked()).rejects.toMatchObject({ retryAfterSeconds: 1 });
    expect(calls()).toBe(1);
    expect(await stand.grantState(credential)).toMatchObject({ intent_version: null, attempts: 0 });
    stand.clock.move(1000);
    expect(await isGood(await asked())).toBe(true);
  });

  it('F6: a refused client is for the operator; no person is asked', async () => {
    end();
    stand.lab.switches.tokenNext = [answer(401, { error: 'invalid_client' })];
    await expect(asked()).rejects.toMatchObject({ kind: 'unreachable', remedy: /operator/ });
    expect(await stand.stateOf(credential)).toBe('ready');
    stand.clock.move(60_000);
    expect(await isGood(await asked())).toBe(true);
  });

  /** A lease of a process that this one knows nothing of, which ends in five seconds by the store's clock. */
  const heldElsewhere = () =>
    stand.store.db
      .updateTable('grant_state')
      .set({
        holder: 'another process',
        fence: 9,
        intent_version: 1,
        attempts: 1,
        lease_until: stand.clock.iso(5000),
      })
      .where('credential_id', '=', credential.id)
      .execute();
  const soon = (condition: () => Promise<boolean>) => expect.poll(condition, { interval: 5 }).toBe(true);

  it('LI17, F7, S1, O23: another process goes on when the one that held the lease is gone, after a grace period', async () => {
    end();
    await heldElsewhere();
    const waiting = asked(stand.process({ times: { graceMs: 300 } }));
    stand.clock.move(4000);
    const early = performance.now();
    await soon(async () => performance.now() - early > 300);
    expect(calls()).toBe(0);
    stand.clock.move(1001);
    expect(await isGood(await waiting)).toBe(true);
    expect(performance.now() - early).toBeGreaterThan(600);
    expect(calls()).toBe(1);
  });

  it('LI17, F7: a lease that is over is not taken while the store takes no writes, nor right after it does again', async () => {
    end();
    await heldElsewhere();
    stand.clock.move(5001);
    const { db } = stand.store;
    const process = stand.process({ times: { graceMs: 2000, waitMs: 1000 } });
    // A read-only store: what is looked at is there, what is written is refused.
    const refuseWrites = {
      sqlite: [
        "create trigger read_only before update on grant_state begin select raise(abort, 'read-only'); end",
        'drop trigger read_only',
      ],
      postgresql: [
        'alter table grant_state add constraint read_only check (fence < 0) not valid',
        'alter table grant_state drop constraint read_only',
      ],
    }[stand.store.kind] as [string, string];
    await sql.raw(refuseWrites[0]).execute(db);
    // Not looked on at for long: the store says at the first look that it takes no writes.
    expect(await asked(process).catch((error: unknown) => error)).not.toBeInstanceOf(ConnectorError);
    await sql.raw(refuseWrites[1]).execute(db);
    const back = performance.now();
    const waiting = asked(stand.process({ times: { graceMs: 800 } }));
    await soon(async () => performance.now() - back > 400);
    expect(calls()).toBe(0);
    expect(await isGood(await waiting)).toBe(true);
    expect(performance.now() - back).toBeGreaterThan(800);
    expect(calls()).toBe(1);
  });

  it('LI17, F7: a start on the same data folder frees at once what its last process held', async () => {
    end();
    const dataFolder = stand.newFolder();
    const before = stand.process({ dataFolder });
    const { arrived, release } = holdNext();
    const waiting = asked(before).catch((error: unknown) => error);
    await arrived;
    const { holder } = (await stand.grantState(credential)) ?? {};
    release();
    await waiting;
    await before.close();
    await end();
    await stand.store.db
      .updateTable('grant_state')
      .set({ holder: holder ?? null, lease_until: stand.clock.iso(150_000) })
      .where('credential_id', '=', credential.id)
      .execute();
    const again = stand.process({ dataFolder });
    await again.recover();
    expect(await isGood(await asked(again))).toBe(true);
    expect(calls()).toBe(2);
  });

  // The embedded store lies in the folder, so a clone of it is another store.
  const shared = it.runIf(inject('databaseServer'));

  shared('LI17, F7: a start on a clone of the data folder frees nothing of the original’s', async () => {
    end();
    const [original, clone] = [stand.newFolder(), stand.newFolder()];
    const { arrived, release } = holdNext();
    const first = asked(stand.process({ dataFolder: original }));
    await arrived;
    const held = await stand.grantState(credential);
    mkdirSync(clone);
    // A clone of the disk: the same file, down to its inode, under another kernel.
    linkSync(path.join(original, 'node-id'), path.join(clone, 'node-id'));
    const other = stand.process({ dataFolder: clone, boot: 'another' });
    await other.recover();
    expect(held?.holder).toEqual(expect.any(String));
    expect(await stand.grantState(credential)).toEqual(held);
    const second = asked(other);
    release();
    expect(await isGood(await first)).toBe(true);
    expect(await isGood(await second)).toBe(true);
    expect(calls()).toBe(1);
  });

  it('LI18, F12: a process that stood still between its lease and the call sends nothing, and begins anew', async () => {
    end();
    let sent = 0;
    const network = gateOf();
    const process = stand.process({
      times: { beginMs: 400 },
      network: {
        ...network,
        fetch(url, request = {}) {
          const { beforeSend } = request;
          if (!beforeSend) return network.fetch(url, request);
          return network.fetch(url, {
            ...request,
            // The connection stands; now the whole process stands still, once.
            beforeSend() {
              const stood = performance.now();
              if (sent === 0) while (performance.now() - stood < 500);
              sent += 1;
              beforeSend();
            },
          });
        },
      },
    });
    expect(await isGood(await asked(process))).toBe(true);
    expect(sent).toBe(2);
    expect(calls()).toBe(1);
    expect(await stand.grantState(credential)).toMatchObject({ holder: null, attempts: 0 });
  });

  it('LI19, F13: callers stop waiting for a slow provider, are told that nobody knows, and its late answer is kept', async () => {
    end();
    const { arrived, release } = holdNext();
    const process = stand.process({ times: { waitMs: 200 } });
    const told = expect(asked(process)).rejects.toMatchObject({
      kind: 'unreachable',
      message: /not known whether/,
      retryAfterSeconds: 5,
    });
    await arrived;
    await told;
    // Others are told the same, and nobody sends the refresh token a second time.
    await expect(asked(process)).rejects.toMatchObject({ message: /not known whether/ });
    await expect(asked(stand.process({ times: { waitMs: 200 } }))).rejects.toMatchObject({
      message: /not known whether/,
    });
    expect(calls()).toBe(1);
    release();
    await process.settled();
    expect(await isGood(await asked(process))).toBe(true);
    expect(calls()).toBe(1);
  });

  it('F8, O29: a deleted credential stays deleted, and what was just issued is revoked', async () => {
    end();
    const process = stand.process();
    const { arrived, release } = holdNext();
    const waiting = asked(process).catch((error: unknown) => error);
    await arrived;
    await stand.delete(credential);
    release();
    expect(await waiting).toMatchObject({ kind: 'auth_failed' });
    expect(await stand.stateOf(credential)).toBeUndefined();
    await expect.poll(() => stand.lab.counts().revocation).toBe(1);
  });

  it('F9, O30: a newer sign-in wins over a renewal that was under way, and nothing of it is revoked', async () => {
    end();
    // Its grant has been renewed before, so that the versions of grant and credential differ.
    await asked();
    end();
    const { arrived, release } = holdNext();
    // Whoever waits is patient: a sign-in takes its time on a busy machine.
    const waiting = asked(stand.process({ times: { waitMs: 200_000 } }));
    await arrived;
    const newer = await signInAgain();
    const token = await tokenOf(stand.process(), newer);
    release();
    expect(await waiting).toBe(token);
    expect(await isGood(token)).toBe(true);
    expect(await tokenOf(stand.process(), newer)).toBe(token);
    // By this credential: the provider may be told late, or twice, of the end of another test's.
    const noted = stand.store.db.selectFrom('revocation').where('credential_id', '=', credential.id);
    expect(await noted.selectAll().execute()).toEqual([]);
    expect(await stand.stateOf(credential)).toBe('ready');
  });

  it('item 3: a use that began with the sign-in before is not handed the token of a newer one', async () => {
    const newer = await signInAgain();
    const retried = { kind: 'unreachable', isRetryable: true, retryAfterSeconds: 1 };
    await expect(asked()).rejects.toMatchObject(retried);
    expect(await isGood(await tokenOf(stand.process(), newer))).toBe(true);
  });

  it('F2, F9, O30: an old grant that is found dead does not end a newer sign-in', async () => {
    end();
    const { arrived, release } = holdNext();
    stand.lab.switches.tokenNext = [
      { ...answer(400, { error: 'invalid_grant' }), commit: true } as TokenFault,
    ];
    const waiting = asked();
    await arrived;
    await signInAgain();
    release();
    expect(await isGood(await waiting)).toBe(true);
    expect(await stand.stateOf(credential)).toBe('ready');
  });

  it('F11, O19: keeps in memory what the store cannot take, and stores it when it is back', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    const { db } = stand.store;
    await sql.raw('alter table secret rename to secret_away').execute(db);
    release();
    await expect.poll(() => stand.lab.switches.tokenWatch).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    await sql.raw('alter table secret_away rename to secret').execute(db);
    const token = await waiting;
    expect(await isGood(token)).toBe(true);
    expect(await asked(stand.process())).toBe(token);
    expect(calls()).toBe(1);
  });

  /** A process that ends while the store takes nothing, with renewed tokens. @returns its data folder */
  const endWithTokens = async (): Promise<string> => {
    end();
    const dataFolder = stand.newFolder();
    const { arrived, release } = holdNext();
    const process = stand.process({ dataFolder });
    const waiting = asked(process).catch((error: unknown) => error);
    await arrived;
    const { db } = stand.store;
    await sql.raw('alter table secret rename to secret_away').execute(db);
    release();
    await soon(async () => keptIn(dataFolder).some((name) => name.endsWith('.json')));
    expectNoSecretIn(filesIn(dataFolder));
    await process.close();
    expect(await waiting).toBeInstanceOf(Error);
    await sql.raw('alter table secret_away rename to secret').execute(db);
    return dataFolder;
  };
  const keptIn = (dataFolder: string): string[] => {
    const kept = path.join(dataFolder, 'kept-tokens');
    return existsSync(kept) ? readdirSync(kept) : [];
  };

  it('LI17, F11: tokens that a process could not store before it ended lie sealed in its data folder, and the next start stores them', async () => {
    const dataFolder = await endWithTokens();
    const again = stand.process({ dataFolder });
    await again.recover();
    expect(await isGood(await asked(again))).toBe(true);
    expect(keptIn(dataFolder)).toEqual([]);
    expect(calls()).toBe(1);
    expect(stand.lab.counts().revocation).toBe(0);
  });

  describe('in a store that was set back to before the last renewal', () => {
    const storedGrant = () =>
      stand.store.db
        .selectFrom('secret')
        .select(['version', 'wrapped_key', 'ciphertext'])
        .where('record_id', '=', credential.id)
        .where('field', '=', 'grant')
        .executeTakeFirstOrThrow();
    /** @returns the data folder of a process that has newer tokens than the store */
    const setBack = async (change = {}): Promise<string> => {
      const before = await storedGrant();
      end();
      await asked();
      const dataFolder = await endWithTokens();
      await stand.store.db
        .updateTable('secret')
        .set({ ...before, ...change })
        .where('record_id', '=', credential.id)
        .where('field', '=', 'grant')
        .execute();
      return dataFolder;
    };

    it.each([
      ['that it holds', {}],
      ['whose key is gone', { wrapped_key: 'AAAA' }],
    ])('LI17: tokens that waited take the place of the older grant %s', async (_, change) => {
      const dataFolder = await setBack(change);
      const again = stand.process({ dataFolder });
      await again.recover();
      expect(keptIn(dataFolder)).toEqual([]);
      expect(await isGood(await asked(again))).toBe(true);
      expect(calls()).toBe(2);
    });

    it('LI17: they take the place of no sign-in that came since, though it has the same version', async () => {
      const dataFolder = await setBack();
      stand.clock.move(1_000);
      credential = await stand.signInAgain(credential);
      expect((await storedGrant()).version).toBe(2);
      const newest = await asked();
      await stand.process({ dataFolder }).recover();
      expect(await asked()).toBe(newest);
    });
  });

  it('LI9: a process that stops begins no renewal, and does not wait for a provider that is silent', async () => {
    end();
    const process = stand.process();
    await process.close();
    await expect(asked(process)).rejects.toThrow('The service is stopping.');
    let isAsked = false;
    const silent = await listenOnLoopback(0, () => () => {
      isAsked = true;
    });
    const revoker = stand.revoker(50);
    const preset = { ...stand.setup.preset, revocationEndpoint: `${silent.url}/revoke` };
    await revoker.revokeTokens(
      credential,
      { ...stand.setup, preset },
      {
        accessToken: new Secret('given up'),
      },
    );
    await soon(async () => isAsked);
    const begun = performance.now();
    await revoker.close();
    expect(performance.now() - begun).toBeLessThan(2_000);
    const { status } = await stand.store.db
      .selectFrom('revocation')
      .select('status')
      .where('credential_id', '=', credential.id)
      .executeTakeFirstOrThrow();
    expect(status).toBe('queued');
    await silent.close();
  });

  it('LI17, F10: a late answer is kept though another process was told that the grant is dead', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    await stand.store.db
      .updateTable('credential')
      .set({ state: 'needs_sign_in' })
      .where('id', '=', credential.id)
      .execute();
    release();
    expect(await isGood(await waiting)).toBe(true);
    expect(await stand.stateOf(credential)).toBe('ready');
  });

  it('LI21, F2: a dead refresh token is called once by all processes together', async () => {
    end();
    stand.lab.switches.tokenAlways = answer(400, { error: 'invalid_grant' });
    const processes = [stand.process(), stand.process(), stand.process()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) => asked(processes[index % 3])),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { kind: 'auth_failed' } });
    await expect(asked()).rejects.toMatchObject({ kind: 'auth_failed' });
    expect(calls()).toBe(1);
  });

  it('LI21, S3: a back-off ends with the trouble: one exchange goes ahead as a probe, and the others follow it', async () => {
    const others = [await stand.credential(), await stand.credential()];
    end();
    stand.lab.switches.tokenAlways = answer(503, 'down');
    const process = stand.process();
    const each = (one: CredentialTable) => tokenOf(process, one);
    for (const one of [credential, ...others]) {
      for (let failure = 0; failure < 7; failure += 1) {
        await expect(each(one)).rejects.toMatchObject({ kind: 'unreachable' });
        stand.clock.move(64_000);
      }
    }
    for (const one of [credential, ...others]) await expect(each(one)).rejects.toThrow();
    stand.lab.resetCounts();
    stand.lab.switches.tokenAlways = undefined;
    // No probe before its time, and the wait that is told is the one to the next probe.
    await expect(each(credential)).rejects.toMatchObject({ retryAfterSeconds: 5 });
    expect(calls()).toBe(0);
    stand.clock.move(5_001);
    expect(await isGood(await each(credential))).toBe(true);
    for (const one of others) expect(await isGood(await each(one))).toBe(true);
    expect(calls()).toBe(3);
  });

  it('G5: renews a grant that nobody uses in half of its idle time, once', async () => {
    await stand.store.db.deleteFrom('credential').where('id', '<>', credential.id).execute();
    const keepers = [stand.keepAlive(), stand.keepAlive()];
    await keepers[0]?.round();
    expect(calls()).toBe(0);
    stand.clock.move(5 * 86_400_000 + 1000);
    await Promise.all(keepers.map((keeper) => keeper.round()));
    expect(calls()).toBe(1);
    const row = await stand.grantState(credential);
    expect(Date.parse(row?.keep_alive_at ?? '')).toBeGreaterThan(stand.clock.now() + 4 * 86_400_000);
    for (const keeper of keepers) await keeper.close();
  });

  it('F10, O21: a late answer is kept while it is the newest, though the lease is another’s by now', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    await stand.store.db
      .updateTable('grant_state')
      .set({ holder: 'another process', fence: 99, lease_until: stand.clock.iso(60_000) })
      .where('credential_id', '=', credential.id)
      .execute();
    release();
    const token = await waiting;
    expect(await isGood(token)).toBe(true);
    expect(await asked(stand.process())).toBe(token);
    expect(calls()).toBe(1);
  });

  it('LI7, G5: grants that cannot be renewed do not keep the others from it, and are put off', async () => {
    await stand.store.db.deleteFrom('credential').where('id', '<>', credential.id).execute();
    for (let index = 0; index < 60; index += 1) await stand.broken();
    stand.clock.move(5 * 86_400_000 + 1000);
    // The good one is the last in the order.
    await stand.store.db
      .updateTable('grant_state')
      .set({ keep_alive_at: stand.clock.iso() })
      .where('credential_id', '=', credential.id)
      .execute();
    const keeper = stand.keepAlive();
    const before = stand.configurationsAsked();
    await keeper.round();
    expect(calls()).toBe(1);
    expect(stand.configurationsAsked() - before).toBe(61);
    await keeper.round();
    expect(stand.configurationsAsked() - before).toBe(61);
    await keeper.close();
  });

  it('LI7, G5: a keeper that is closed begins nothing more', async () => {
    await stand.store.db.deleteFrom('credential').where('id', '<>', credential.id).execute();
    for (let index = 0; index < 40; index += 1) await stand.broken();
    stand.clock.move(5 * 86_400_000 + 1000);
    const keeper = stand.keepAlive();
    const before = stand.configurationsAsked();
    const round = keeper.round();
    await soon(async () => stand.configurationsAsked() > before);
    await keeper.close();
    await round;
    expect(stand.configurationsAsked() - before).toBeLessThanOrEqual(4);
    await keeper.round();
    expect(stand.configurationsAsked() - before).toBeLessThanOrEqual(4);
  });

  it('O27: clocks ten minutes apart make no storm, as the store’s clock is the one that counts', async () => {
    const processes = [stand.process(), stand.process()];
    end();
    for (let round = 0; round < 6; round += 1) await asked(processes[round % 2]);
    expect(calls()).toBe(1);
    // A process whose clock really is off renews too early or too late, and each time once.
    const skewed = stand.process({ clock: movableClock(stand.clock.now() - Date.now() + 600_000) });
    const early = await tokenOf(skewed, credential);
    expect(await isGood(early)).toBe(true);
    expect(calls()).toBe(2);
  });

  it('N1, N2: a dead grant is not asked for again, and a new sign-in makes the same credential good', async () => {
    end();
    stand.lab.switches.tokenNext = [answer(400, { error: 'invalid_grant' })];
    await expect(asked()).rejects.toMatchObject({ kind: 'auth_failed' });
    const renewed = await signInAgain();
    expect(renewed.state).toBe('ready');
    expect(await stand.grantState(credential)).toMatchObject({ account_subject: 'alice', failures: 0 });
    expect(await isGood(await tokenOf(stand.process(), renewed))).toBe(true);
  });
});
