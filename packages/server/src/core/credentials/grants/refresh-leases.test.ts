import { linkSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { describe, expect, inject, it } from 'vitest';
import { gateOf } from '../../oauth/__fixtures__/token-server.js';
import type { Store } from '../../store/store.js';
import { OutcomeUnknownError } from '../../store/store-error.js';
import type { CredentialTable } from '../../store/tables.js';
import { answer, grantCase } from './__fixtures__/grant-case.js';

const notKnown = expect.stringContaining('not known whether');

describe('several processes and one grant', () => {
  const given = grantCase();
  const { calls, isGood, end, holdNext, tokenOf, asked, refuseWrites, soon } = given;

  /** A lease of a process that this one knows nothing of, which ends in five seconds by the store's clock. */
  const heldElsewhere = () =>
    given.stand.store.db
      .updateTable('grant_state')
      .set({
        holder: 'another process',
        fence: 9,
        intent_version: 1,
        attempts: 1,
        lease_until: given.stand.clock.iso(5000),
      })
      .where('credential_id', '=', given.credential.id)
      .execute();

  it('LI17, F7, S1, O23: another process continues after a grace period when the holder of the lease is gone', async () => {
    end();
    await heldElsewhere();
    const waiting = asked(given.stand.process({ times: { graceMs: 300 } }));
    given.stand.clock.move(4000);
    const early = performance.now();
    await soon(async () => performance.now() - early > 300);
    expect(calls()).toBe(0);
    given.stand.clock.move(1001);
    expect(await isGood(await waiting)).toBe(true);
    expect(performance.now() - early).toBeGreaterThan(600);
    expect(calls()).toBe(1);
  });

  it('LI17, F7: an expired lease is not taken while the store takes no writes, nor right after it takes them again', async () => {
    end();
    await heldElsewhere();
    given.stand.clock.move(5001);
    const process = given.stand.process({ times: { graceMs: 2000, waitMs: 1000 } });
    const takeWrites = await refuseWrites('grant_state');
    // Not looked on at for long: the store says at the first look that it takes no writes.
    expect(await asked(process).catch((error: unknown) => error)).not.toBeInstanceOf(ConnectorError);
    await takeWrites();
    const back = performance.now();
    const waiting = asked(given.stand.process({ times: { graceMs: 800 } }));
    await soon(async () => performance.now() - back > 400);
    expect(calls()).toBe(0);
    expect(await isGood(await waiting)).toBe(true);
    expect(performance.now() - back).toBeGreaterThan(800);
    expect(calls()).toBe(1);
  });

  it('LI17, F7: a start on the same data folder frees at once what its last process held', async () => {
    end();
    const dataFolder = given.stand.newFolder();
    const before = given.stand.process({ dataFolder });
    const { arrived, release } = holdNext();
    const waiting = asked(before).catch((error: unknown) => error);
    await arrived;
    const held = await given.stand.grantState(given.credential);
    const leaseMs = Date.parse(held?.lease_until ?? '') - given.stand.clock.now();
    expect(leaseMs).toBeGreaterThan(120_000);
    expect(leaseMs).toBeLessThanOrEqual(150_000);
    // It holds none itself.
    await before.recover();
    expect(await given.stand.grantState(given.credential)).toEqual(held);
    const { holder } = held ?? {};
    release();
    await waiting;
    await before.close();
    await end();
    await given.stand.store.db
      .updateTable('grant_state')
      .set({ holder: holder ?? null, lease_until: given.stand.clock.iso(150_000) })
      .where('credential_id', '=', given.credential.id)
      .execute();
    const again = given.stand.process({ dataFolder });
    await again.recover();
    expect(await isGood(await asked(again))).toBe(true);
    expect(calls()).toBe(2);
  });

  // The embedded store lies in the folder, so a clone of it is another store.
  const shared = it.runIf(inject('databaseServer'));

  shared('LI17, F7: a start on a clone of the data folder frees nothing of the original’s', async () => {
    end();
    const [original, clone] = [given.stand.newFolder(), given.stand.newFolder()];
    const { arrived, release } = holdNext();
    const first = asked(given.stand.process({ dataFolder: original }));
    await arrived;
    const held = await given.stand.grantState(given.credential);
    mkdirSync(clone);
    // A clone of the disk: the same file, down to its inode, under another kernel.
    linkSync(path.join(original, 'node-id'), path.join(clone, 'node-id'));
    const other = given.stand.process({ dataFolder: clone, boot: 'another' });
    await other.recover();
    expect(held?.holder).toEqual(expect.any(String));
    expect(await given.stand.grantState(given.credential)).toEqual(held);
    const second = asked(other);
    release();
    expect(await isGood(await first)).toBe(true);
    expect(await isGood(await second)).toBe(true);
    expect(calls()).toBe(1);
  });

  it('LI18, F12: a process that was suspended between its lease and the call sends nothing, and takes the lease again', async () => {
    end();
    let sent = 0;
    const network = gateOf();
    const process = given.stand.process({
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
    expect(await given.stand.grantState(given.credential)).toMatchObject({ holder: null, attempts: 0 });
  });

  it('LI18, F12: a process that is too late each time sends nothing, holds nothing, and says when to try again', async () => {
    end();
    const process = given.stand.process({ times: { beginMs: 0 } });
    await expect(asked(process)).rejects.toMatchObject({ kind: 'unreachable', retryAfterSeconds: 1 });
    expect(calls()).toBe(0);
    const row = await given.stand.grantState(given.credential);
    expect(row).toMatchObject({
      holder: null,
      attempts: 0,
      intent_version: null,
      failures: 0,
      not_before: null,
    });
    expect(await isGood(await asked())).toBe(true);
  });

  it('LI19, F13: callers stop waiting for a slow provider, with an error that says that the outcome is not known, and its late answer is kept', async () => {
    end();
    const { arrived, release } = holdNext();
    const process = given.stand.process({ times: { waitMs: 200 } });
    const told = expect(asked(process)).rejects.toMatchObject({
      kind: 'unreachable',
      message: notKnown,
      retryAfterSeconds: 5,
    });
    await arrived;
    await told;
    // Others get the same error, and no process sends the refresh token a second time.
    await expect(asked(process)).rejects.toMatchObject({ message: notKnown });
    await expect(asked(given.stand.process({ times: { waitMs: 200 } }))).rejects.toMatchObject({
      message: notKnown,
    });
    expect(calls()).toBe(1);
    release();
    await process.settled();
    expect(await isGood(await asked(process))).toBe(true);
    expect(calls()).toBe(1);
  });

  it('F11: a lease with an unknown outcome is retried, not reported to the caller', async () => {
    end();
    let isLost = true;
    const store: Store = {
      ...given.stand.store,
      transaction(work) {
        if (!isLost) return given.stand.store.transaction(work);
        isLost = false;
        throw new OutcomeUnknownError('The connection was lost.');
      },
    };
    const process = given.stand.process({ store });
    await expect(asked(process)).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    expect(await isGood(await asked(process))).toBe(true);
  });

  it('LI17, F10: a late answer is kept although another process has found the grant dead', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    await given.stand.store.db
      .updateTable('credential')
      .set({ state: 'needs_sign_in' })
      .where('id', '=', given.credential.id)
      .execute();
    release();
    expect(await isGood(await waiting)).toBe(true);
    expect(await given.stand.stateOf(given.credential)).toBe('ready');
  });

  it.each<[string, () => Promise<unknown>, number]>([
    [
      'found dead',
      async () => {
        given.stand.lab.switches.tokenNext = [answer(400, { error: 'invalid_grant' })];
        await expect(asked()).rejects.toMatchObject({ kind: 'auth_failed' });
      },
      1,
    ],
    ['deleted', () => given.stand.delete(given.credential), 0],
  ])(
    'LI21, F2: a grant that is %s between the look and the lease is not sent to its provider',
    async (_, meanwhile, sent) => {
      end();
      let others: Promise<unknown> | undefined;
      const store: Store = {
        ...given.stand.store,
        async transaction(work) {
          others ??= meanwhile();
          await others;
          return given.stand.store.transaction(work);
        },
      };
      await expect(asked(given.stand.process({ store }))).rejects.toMatchObject({ kind: 'auth_failed' });
      expect(calls()).toBe(sent);
      expect((await given.stand.grantState(given.credential))?.holder ?? null).toBeNull();
    },
  );

  it('LI21, F2: a dead refresh token is called once by all processes together', async () => {
    end();
    given.stand.lab.switches.tokenAlways = answer(400, { error: 'invalid_grant' });
    const processes = [given.stand.process(), given.stand.process(), given.stand.process()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) => asked(processes[index % 3])),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { kind: 'auth_failed' } });
    await expect(asked()).rejects.toMatchObject({ kind: 'auth_failed' });
    expect(calls()).toBe(1);
  });

  it('LI21, S3: a back-off ends with the trouble: one exchange goes ahead as a probe, and the others follow it', async () => {
    const others = [await given.stand.credential(), await given.stand.credential()];
    end();
    given.stand.lab.switches.tokenAlways = answer(503, 'down');
    const process = given.stand.process();
    const each = (one: CredentialTable) => tokenOf(process, one);
    for (const one of [given.credential, ...others]) {
      for (let failure = 0; failure < 7; failure += 1) {
        await expect(each(one)).rejects.toMatchObject({ kind: 'unreachable' });
        given.stand.clock.move(64_000);
      }
    }
    for (const one of [given.credential, ...others]) await expect(each(one)).rejects.toThrow();
    given.stand.lab.resetCounts();
    given.stand.lab.switches.tokenAlways = undefined;
    // No probe before its time, and the error names the wait until the next probe.
    await expect(each(given.credential)).rejects.toMatchObject({ retryAfterSeconds: 5 });
    expect(calls()).toBe(0);
    given.stand.clock.move(5_001);
    expect(await isGood(await each(given.credential))).toBe(true);
    for (const one of others) expect(await isGood(await each(one))).toBe(true);
    expect(calls()).toBe(3);
  });

  it('F10, O21: a late answer is kept while it is the newest, although another process has the lease', async () => {
    end();
    const { arrived, release } = holdNext();
    const waiting = asked();
    await arrived;
    await given.stand.store.db
      .updateTable('grant_state')
      .set({ holder: 'another process', fence: 99, lease_until: given.stand.clock.iso(60_000) })
      .where('credential_id', '=', given.credential.id)
      .execute();
    release();
    const token = await waiting;
    expect(await isGood(token)).toBe(true);
    expect(await asked(given.stand.process())).toBe(token);
    expect(calls()).toBe(1);
  });
});
