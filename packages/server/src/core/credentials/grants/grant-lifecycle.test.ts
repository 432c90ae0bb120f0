import { Secret } from '@mooring/connectors/interface/secret';
import type { TokenFault } from '@mooring/lab/authorization-server/faults';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../store/store.js';
import { answer, grantCase, tokenLifeMs } from './__fixtures__/grant-case.js';
import { movableClock } from './__fixtures__/grant-stand.js';

describe('the life of a grant', () => {
  const given = grantCase();
  const { calls, isGood, end, holdNext, tokenOf, asked, signInAgain, soon } = given;

  it('G1: uses a token with life left, without a call', async () => {
    const process = given.stand.process();
    expect(await asked(process)).toBe(await asked(process));
    expect(calls()).toBe(0);
  });

  it('G1: a token that cannot be refreshed is used until the source refuses it; its end is not guessed', async () => {
    const body = JSON.stringify({ access_token: 'endless', token_type: 'bearer' });
    given.stand.lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 200, body } }];
    const credential = await given.stand.credential();
    given.stand.clock.move(400 * 24 * 3600_000);
    const grants = given.stand.process();
    expect(await tokenOf(grants, credential)).toBe('endless');
    await grants.settled();
    expect(await given.stand.stateOf(credential)).toBe('ready');
    const refused = tokenOf(grants, credential, { refused: new Secret('endless') });
    await expect(refused).rejects.toMatchObject({ kind: 'auth_failed' });
  });

  it('G2: refreshes a token that is about to end, while the use continues with it', async () => {
    const process = given.stand.process();
    const before = await asked(process);
    given.stand.clock.move(tokenLifeMs - 40_000);
    const { release } = holdNext();
    expect(await asked(process)).toBe(before);
    release();
    await process.settled();
    expect(calls()).toBe(1);
    expect(await asked(process)).not.toBe(before);
    expect(calls()).toBe(1);
  });

  it('G3: a token with less than half a minute left is not used while its successor comes', async () => {
    const process = given.stand.process();
    const before = await asked(process);
    given.stand.clock.move(tokenLifeMs - 20_000);
    expect(await asked(process)).not.toBe(before);
    expect(calls()).toBe(1);
  });

  it('G3, F1, O20: refreshes once for all uses of all processes when the token has ended', async () => {
    end();
    const processes = [given.stand.process(), given.stand.process(), given.stand.process()];
    const tokens = await Promise.all(Array.from({ length: 60 }, (_, index) => asked(processes[index % 3])));
    expect(new Set(tokens).size).toBe(1);
    expect(await isGood(tokens[0] ?? '')).toBe(true);
    expect(calls()).toBe(1);
    expect(await given.stand.grantState(given.credential)).toMatchObject({
      holder: null,
      intent_version: null,
      attempts: 0,
    });
  });

  it('M: a grant that another process refreshes between the look and the lease is not refreshed again', async () => {
    end();
    let others: Promise<string> | undefined;
    const store: Store = {
      ...given.stand.store,
      async transaction(work) {
        others ??= asked();
        await others;
        return given.stand.store.transaction(work);
      },
    };
    const token = await asked(given.stand.process({ store }));
    expect(token).toBe(await others);
    expect(calls()).toBe(1);
    expect((await given.stand.grantState(given.credential))?.holder).toBeNull();
  });

  it('G4: refreshes once when the source refuses the token, whichever process reports it', async () => {
    const processes = [given.stand.process(), given.stand.process()];
    const refused = await asked(processes[0]);
    const options = { refused: new Secret(refused) };
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        tokenOf(processes[index % 2] ?? given.stand.process(), given.credential, options),
      ),
    );
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).not.toBe(refused);
    expect(calls()).toBe(1);
  });

  it('F1, O26: keeps the refresh token that an answer leaves out, and remembers scopes that are lost', async () => {
    end();
    const fresh = { access_token: 'a-token', token_type: 'Bearer', expires_in: 60, scope: 'read openid' };
    given.stand.lab.switches.tokenNext = [answer(200, fresh)];
    expect(await asked()).toBe('a-token');
    expect((await given.stand.grantState(given.credential))?.scope_lost?.split(' ').toSorted()).toEqual([
      'offline_access',
      'write',
    ]);
    given.stand.clock.move(61_000);
    expect(await isGood(await asked())).toBe(true);
    expect(calls()).toBe(2);
  });

  it.each([
    ['F2, O24: a grant that is proven dead', answer(400, { error: 'invalid_grant' })],
    ['F3: a provider that requires the user', answer(400, { error: 'interaction_required' })],
  ])('%s asks for a new sign-in, with one call', async (_, fault) => {
    end();
    given.stand.lab.switches.tokenAlways = fault;
    const process = given.stand.process();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => asked(process)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { kind: 'auth_failed' } });
    expect(await given.stand.stateOf(given.credential)).toBe('needs_sign_in');
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
    given.stand.lab.switches.tokenNext = [fault];
    const process = given.stand.process();
    await expect(asked(process)).rejects.toMatchObject({
      ...{ kind: 'unreachable', retryAfterSeconds: 1 },
      message: expect.stringContaining('It is not known whether it refreshed the sign-in.'),
    });
    const suspect = await given.stand.grantState(given.credential);
    expect(suspect).toMatchObject({ holder: null, attempts: 1, failures: 1 });
    expect(suspect?.intent_version).toBe(1);
    await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable' });
    await expect(asked(given.stand.process())).rejects.toMatchObject({ kind: 'unreachable' });
    expect(calls()).toBe(1);
    given.stand.clock.move(1000);
    expect(await isGood(await asked(process))).toBe(true);
    expect(calls()).toBe(2);
    expect(await given.stand.stateOf(given.credential)).toBe('ready');
  });

  it('F4: a provider that no request reached has done nothing, whatever is not known of an earlier one', async () => {
    end();
    const process = given.stand.process();
    const gone = await listenOnLoopback(0, () => () => undefined);
    await gone.close();
    const preset = { ...given.stand.setup.preset, tokenEndpoint: `${gone.url}/token` };
    const unreached = { ...given.stand.setup, preset };
    const told = { kind: 'unreachable', message: expect.stringContaining('Nothing was lost.') };
    await expect(process.accessToken(given.credential, unreached)).rejects.toMatchObject(told);
    const state = () => given.stand.grantState(given.credential);
    expect(await state()).toMatchObject({ holder: null, attempts: 0, intent_version: null, failures: 1 });
    given.stand.clock.move(1000);
    given.stand.lab.switches.tokenNext = [answer(503, 'down'), answer(429, {}, { 'retry-after': '9' })];
    await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(await state()).toMatchObject({ attempts: 1, intent_version: 1, failures: 2 });
    given.stand.clock.move(2000);
    await expect(asked(process)).rejects.toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 9 });
    expect(await state()).toMatchObject({ attempts: 1, intent_version: 1, failures: 3, backed_off_at: null });
    // A pause that the provider asked for has no probe, though the provider answers others.
    const other = await given.stand.credential();
    given.stand.clock.move(8_000);
    expect(await isGood(await tokenOf(process, other, { refused: new Secret('') }))).toBe(true);
    await expect(asked(process)).rejects.toMatchObject({ retryAfterSeconds: 1 });
    given.stand.clock.move(1000);
    expect(await isGood(await asked(process))).toBe(true);
    expect(await state()).toMatchObject({ attempts: 0, intent_version: null, failures: 0 });
  });

  it('F4, O25: doubles the pause, and continues with a token that is still good', async () => {
    given.stand.lab.switches.tokenAlways = answer(503, 'down');
    const process = given.stand.process();
    const before = await asked(process);
    given.stand.clock.move(tokenLifeMs - 20_000);
    expect(await asked(process)).toBe(before);
    given.stand.clock.move(21_000);
    for (let failure = 1; failure <= 5; failure += 1) {
      given.stand.clock.move(60_000);
      await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable' });
    }
    expect(calls()).toBe(6);
    const row = await given.stand.grantState(given.credential);
    const pause = Date.parse(row?.not_before ?? '') - given.stand.clock.now();
    expect(pause).toBeGreaterThan(20_000);
    expect(pause).toBeLessThanOrEqual(32_000);
  });

  it('F5, O25: honours Retry-After in every process', async () => {
    end();
    given.stand.lab.switches.tokenNext = [answer(429, {}, { 'retry-after': '120' })];
    await expect(asked()).rejects.toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 120 });
    given.stand.clock.move(119_000);
    await expect(asked()).rejects.toMatchObject({ retryAfterSeconds: 1 });
    expect(calls()).toBe(1);
    expect(await given.stand.grantState(given.credential)).toMatchObject({
      intent_version: null,
      attempts: 0,
    });
    given.stand.clock.move(1000);
    expect(await isGood(await asked())).toBe(true);
  });

  it('F6: a refused client is for who registered it; no user has to sign in', async () => {
    end();
    given.stand.lab.switches.tokenNext = [answer(401, { error: 'invalid_client' })];
    await expect(asked()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(/\(invalid_client\) Nothing was lost\.$/),
      remedy: 'Check the OAuth client and the endpoints of the connection.',
    });
    expect(await given.stand.stateOf(given.credential)).toBe('ready');
    given.stand.clock.move(60_000);
    expect(await isGood(await asked())).toBe(true);
  });

  it('G5: refreshes an idle grant after half of its idle time, once', async () => {
    await given.stand.store.db.deleteFrom('credential').where('id', '<>', given.credential.id).execute();
    const keepers = [given.stand.keepAlive(), given.stand.keepAlive()];
    await keepers[0]?.round();
    expect(calls()).toBe(0);
    given.stand.clock.move(5 * 86_400_000 + 1000);
    await Promise.all(keepers.map((keeper) => keeper.round()));
    expect(calls()).toBe(1);
    const row = await given.stand.grantState(given.credential);
    expect(Date.parse(row?.keep_alive_at ?? '')).toBeGreaterThan(given.stand.clock.now() + 4 * 86_400_000);
    for (const keeper of keepers) await keeper.close();
  });

  it('LI7, G5: grants that cannot be refreshed do not hold up the others, and are postponed', async () => {
    await given.stand.store.db.deleteFrom('credential').where('id', '<>', given.credential.id).execute();
    for (let index = 0; index < 60; index += 1) await given.stand.broken();
    given.stand.clock.move(5 * 86_400_000 + 1000);
    // The good one is the last in the order.
    await given.stand.store.db
      .updateTable('grant_state')
      .set({ keep_alive_at: given.stand.clock.iso() })
      .where('credential_id', '=', given.credential.id)
      .execute();
    const keeper = given.stand.keepAlive();
    const before = given.stand.configurationsAsked();
    await keeper.round();
    expect(calls()).toBe(1);
    expect(given.stand.configurationsAsked() - before).toBe(61);
    await keeper.round();
    expect(given.stand.configurationsAsked() - before).toBe(61);
    await keeper.close();
  });

  it('LI7, G5: a keeper that is closed begins nothing more', async () => {
    await given.stand.store.db.deleteFrom('credential').where('id', '<>', given.credential.id).execute();
    for (let index = 0; index < 40; index += 1) await given.stand.broken();
    given.stand.clock.move(5 * 86_400_000 + 1000);
    const keeper = given.stand.keepAlive();
    const before = given.stand.configurationsAsked();
    const round = keeper.round();
    await soon(async () => given.stand.configurationsAsked() > before);
    await keeper.close();
    await round;
    expect(given.stand.configurationsAsked() - before).toBeLessThanOrEqual(4);
    await keeper.round();
    expect(given.stand.configurationsAsked() - before).toBeLessThanOrEqual(4);
  });

  it('O27: clocks ten minutes apart cause no storm of refreshes: the clock of the store counts', async () => {
    const processes = [given.stand.process(), given.stand.process()];
    end();
    for (let round = 0; round < 6; round += 1) await asked(processes[round % 2]);
    expect(calls()).toBe(1);
    // A process whose clock really is off refreshes too early or too late, and each time once.
    const skewed = given.stand.process({
      clock: movableClock(given.stand.clock.now() - Date.now() + 600_000),
    });
    const early = await tokenOf(skewed, given.credential);
    expect(await isGood(early)).toBe(true);
    expect(calls()).toBe(2);
  });

  it('N1, N2: a dead grant is not refreshed again, and a new sign-in makes the same credential ready', async () => {
    end();
    given.stand.lab.switches.tokenNext = [answer(400, { error: 'invalid_grant' })];
    await expect(asked()).rejects.toMatchObject({ kind: 'auth_failed' });
    const renewed = await signInAgain();
    expect(renewed.state).toBe('ready');
    expect(await given.stand.grantState(given.credential)).toMatchObject({
      account_subject: 'alice',
      failures: 0,
    });
    expect(await isGood(await tokenOf(given.stand.process(), renewed))).toBe(true);
  });
});
