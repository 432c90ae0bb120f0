import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { seededInt } from '@mooring/lab/seeded';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startMooring } from '../mooring-process.js';
import { Balanced, connections, freshLoad, measured, opened, sendFor } from './balanced-load.js';

// Keys are rotated under load. With one node nothing is killed and every request counts. With two behind a balancer one
// of them is killed again and again: a request whose node died is sent to the other one, as a balancer does, and any
// answer but the right one is a failure, a 503 too.

vi.setConfig({ testTimeout: 600_000 });

const kills = 50;
const randomInt = seededInt();
/** Rotations of the single node, each until the previous key is gone. */
const rounds = 2;
const betweenKillsMaxMs = 2_500;
/** How long the balancer takes to notice that a node is gone. */
const noticesWithinMs = [0, 50] as const;
/** Few: a rotation takes about three seconds, longer than some nodes live. */
const rotationsMin = 6;
/** A use ends at the gate, after the credential was opened. */
const configuration = { egress: { loopback: 'deny' } };
const keysPath = '/api/v1/vault-keys';

interface VaultKey {
  id: string;
  state: string;
  records: number;
}

const keysOf = async (balanced: Balanced): Promise<VaultKey[]> =>
  (await balanced.send((api) => api.get(keysPath))).body.data;

async function retireAllPrevious(balanced: Balanced): Promise<string[]> {
  const previous = (await keysOf(balanced)).filter(({ state }) => state === 'previous').map(({ id }) => id);
  for (const id of previous) {
    await expect
      .poll(async () => (await balanced.next().post(`${keysPath}/${id}/actions/retire`)).status, {
        timeout: 60_000,
        interval: 500,
      })
      .toBe(204);
  }
  return previous;
}

async function assertAllOpen(balanced: Balanced, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += 10) {
    const some = ids.slice(from, from + 10);
    const answers = await Promise.all(
      some.map((id) => balanced.next().post(`${connections}/${id}/actions/browse`, {})),
    );
    for (const answer of answers) expect(opened(answer), answer.text).toBe(true);
  }
}

/** What a run measured, for the reader of its output. */
const tell = (text: string) => process.stdout.write(`${text}\n`);

describe('keys are rotated under load', () => {
  let postgres: LabPostgres;
  let database: FreshDatabase;
  let environment: Record<string, string>;

  beforeAll(async () => {
    postgres = await startPostgres({ rowsInBig: 1 });
    database = await freshDatabase(postgres);
    environment = {
      MOORING_DATABASE_URL: database.url,
      MOORING_MASTER_KEY: randomBytes(32).toString('base64'),
    };
  });
  afterAll(async () => {
    await database.drop();
    await postgres.close();
  });

  const query = async (text: string): Promise<Record<string, string>[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  };
  const start = () => startMooring({ environment, configuration });

  it('V09: one process fails no request, and the key of before is gone at the end', async () => {
    const dataFolder = mkdtempSync(path.join(tmpdir(), 'mooring-rotation-'));
    const mooring = await startMooring({ configuration, dataFolder });
    const balanced = new Balanced([mooring]);
    const load = await freshLoad(balanced);
    await sendFor(balanced, load, pause(5_000));
    tell(`V09, before: ${measured(load)}`);
    Object.assign(load, { answered: 0, tookMs: [], tookSeconds: 0 });
    const rotating = (async () => {
      const retired: string[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        await pause(1_000);
        const rotated = await balanced.next().post(`${keysPath}/actions/rotate`);
        expect(rotated.status, rotated.text).toBe(200);
        retired.push(...(await retireAllPrevious(balanced)));
      }
      return retired;
    })();
    await sendFor(balanced, load, rotating);
    const retired = await rotating;
    tell(`V09: ${measured(load)}`);
    expect(load.wrong).toEqual([]);
    expect(retired).toHaveLength(rounds);
    expect((await keysOf(balanced)).map(({ state }) => state)).toEqual(['active']);
    await mooring.stop();
    balanced.nodes[0] = await startMooring({ configuration, dataFolder });
    await assertAllOpen(balanced, load.made);
    await balanced.nodes[0].stop();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  it('V09, V10, V11: two nodes behind a balancer fail no request through kills, and no record stays behind', async () => {
    const balanced = new Balanced(await Promise.all([start(), start()]));
    const load = await freshLoad(balanced);
    let rotations = 0;
    let isOver = false;
    const rotating = (async () => {
      while (!isOver) {
        const { status, text } = await balanced.send((api) => api.post(`${keysPath}/actions/rotate`));
        if (status === 200) rotations += 1;
        else load.wrong.push(`rotate: ${status} ${text}`);
      }
    })();
    const killing = (async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        const index = kill % 2;
        // A rotation takes about three seconds, in which every node learns the new key: kills fall into all of them,
        // and some rotations come through.
        await pause(randomInt(0, betweenKillsMaxMs));
        const victim = balanced.nodes[index];
        const dead = victim?.kill();
        // A balancer needs a moment to see it; until then requests go there too and are sent again.
        await pause(randomInt(...noticesWithinMs));
        balanced.nodes[index] = undefined;
        await dead;
        balanced.nodes[index] = await start();
        if (kill % 10 === 9) tell(`V10, after ${kill + 1} kills: ${measured(load)}, ${rotations} rotations`);
        const unlisted = await query(
          'select key_id from secret where key_id not in (select id from vault_key)',
        );
        expect(unlisted, `after kill ${kill}: records under a key that is not there`).toEqual([]);
      }
    })().finally(() => {
      isOver = true;
    });
    await sendFor(balanced, load, Promise.all([killing, rotating]));
    tell(`V10: ${measured(load)}, ${balanced.resent} sent again, ${kills} kills, ${rotations} rotations`);
    expect(load.wrong).toEqual([]);
    expect(balanced.resent, 'kills hit requests').toBeGreaterThan(0);
    expect(rotations).toBeGreaterThanOrEqual(rotationsMin);

    expect((await retireAllPrevious(balanced)).length).toBeGreaterThanOrEqual(rotationsMin);
    expect(await query("select id from vault_key where state not in ('active', 'own')")).toEqual([]);
    expect(await query('select key_id from secret where key_id not in (select id from vault_key)')).toEqual(
      [],
    );
    for (const [index, node] of balanced.nodes.entries()) {
      await node?.stop();
      balanced.nodes[index] = await start();
    }
    const stored = await query('select id from connection');
    expect(stored.length).toBeGreaterThanOrEqual(load.made.length);
    await assertAllOpen(
      balanced,
      stored.map(({ id }) => id as string),
    );
    for (const node of balanced.nodes) await node?.stop();
  });
});
