import { linkSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { sql } from 'kysely';
import { describe, expect, inject, it } from 'vitest';
import { gateOf } from '../../oauth/__fixtures__/token-server.js';
import type { CredentialTable } from '../../store/tables.js';
import { answer, grantCase } from './__fixtures__/grant-case.js';

describe('several processes and one grant', () => {
  const given = grantCase();
  const { calls, isGood, end, holdNext, tokenOf, asked, soon } = given;

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
    const { db } = given.stand.store;
    const process = given.stand.process({ times: { graceMs: 2000, waitMs: 1000 } });
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
    }[given.stand.store.kind] as [string, string];
    await sql.raw(refuseWrites[0]).execute(db);
    // Not looked on at for long: the store says at the first look that it takes no writes.
    expect(await asked(process).catch((error: unknown) => error)).not.toBeInstanceOf(ConnectorError);
    await sql.raw(refuseWrites[1]).execute(db);
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
    const { holder } = (await given.stand.grantState(given.credential)) ?? {};
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

  it('LI19, F13: callers stop waiting for a slow provider, with an error that says that the outcome is not known, and its late answer is kept', async () => {
    end();
    const { arrived, release } = holdNext();
    const process = given.stand.process({ times: { waitMs: 200 } });
    const told = expect(asked(process)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('not known whether'),
      retryAfterSeconds: 5,
    });
    await arrived;
    await told;
    // Others get the same error, and no process sends the refresh token a second time.
    await expect(asked(process)).rejects.toMatchObject({
      message: expect.stringContaining('not known whether'),
    });
    await expect(asked(given.stand.process({ times: { waitMs: 200 } }))).rejects.toMatchObject({
      message: expect.stringContaining('not known whether'),
    });
    expect(calls()).toBe(1);
    release();
    await process.settled();
    expect(await isGood(await asked(process))).toBe(true);
    expect(calls()).toBe(1);
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
