import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { seededInt } from '@mooring/lab/seeded';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type MooringProcess, startMooring } from '../mooring-process.js';

// Keys are rotated under load. With one node nothing is killed and every request counts. With two
// behind a balancer one of them is killed again and again: a request that its node took along is sent to the other one, as a
// balancer does, and any answer but the right one is a failure, a 503 too.

vi.setConfig({ testTimeout: 600_000 });

const kills = 50;
const randomInt = seededInt();
/** Rotations of the one node, each until the key of before is gone. */
const rounds = 2;
/** Fifty a second. */
const betweenRequestsMs = 20;
const betweenKillsMaxMs = 2_500;
/** How long the balancer takes to see that a node is gone. */
const noticesWithinMs = [0, 50] as const;
const seeded = 60;
/** A rotation takes about three seconds, longer than some nodes live. */
const rotationsMin = 6;
/** A rotation takes longer than a node sometimes lives here. */
const attemptsMax = 50;
/**
 * A machine that cannot do fifty a second is not buried under requests, which would only test its patience; the rate
 * that was reached is printed.
 */
const openMax = 40;
/** A use ends at the gate, after the credential was opened. */
const configuration = { egress: { loopback: 'deny' } };
const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
const connections = '/api/v1/data-connections';
const keysPath = '/api/v1/vault-keys';
const opened = ({ body }: Answer): boolean => body.errors?.[0]?.code === 'EGRESS-REFUSED';

interface VaultKey {
  id: string;
  state: string;
  records: number;
}

/** Nodes behind a balancer. */
class Balanced {
  readonly nodes: (MooringProcess | undefined)[];
  #turn = 0;
  /** Requests that their node took along and another one answered. */
  resent = 0;

  constructor(nodes: readonly MooringProcess[]) {
    this.nodes = [...nodes];
  }

  next(): ApiClient {
    this.#turn += 1;
    const up = this.nodes.filter((node) => node !== undefined);
    const node = up[this.#turn % up.length] as MooringProcess;
    return apiClient(node.url, node.adminKey);
  }

  /** @param work sends one request; `isResent` once another node may have done it already */
  async send(work: (api: ApiClient, isResent: boolean) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(this.next(), attempt > 1);
      } catch (error) {
        // What `fetch` throws when the connection was refused or broke.
        if (!(error instanceof TypeError) || attempt === attemptsMax) throw error;
        this.resent += 1;
        await pause(10);
      }
    }
  }
}

interface Load {
  made: string[];
  wrong: string[];
  answered: number;
  /** What each request took, ms. */
  tookMs: number[];
  tookSeconds: number;
}

let names = 0;
/** What a run measured, for whoever reads its output. */
const tell = (text: string) => process.stdout.write(`${text}\n`);

const nextName = () => {
  names += 1;
  return names;
};

async function create(balanced: Balanced, load: Load, qName: string): Promise<void> {
  const body = { datasourceID: 'postgres', qName, connectionProperties };
  let wasResent = false;
  const answer = await balanced.send((api, isResent) => {
    wasResent = isResent;
    return api.post(connections, body);
  });
  if (answer.status === 201) load.made.push(answer.body.qID);
  // The node that was killed had made it; the name is taken by what we asked for.
  else if (!(wasResent && answer.status === 409)) load.wrong.push(`create: ${answer.status} ${answer.text}`);
}

async function use(balanced: Balanced, load: Load, action: string): Promise<void> {
  const id = load.made[randomInt(0, load.made.length)] ?? '';
  const body = action === 'read' ? { query: 'select 1' } : {};
  const answer = await balanced.send((api) => api.post(`${connections}/${id}/actions/${action}`, body));
  const isRight = opened(answer) || (action === 'test' && answer.status === 200);
  if (!isRight) load.wrong.push(`${action}: ${answer.status} ${answer.text}`);
}

/** A request each 20 ms, none waiting for another. */
async function run(balanced: Balanced, load: Load, until: Promise<unknown>): Promise<void> {
  const requests: Promise<void>[] = [];
  let open = 0;
  let isOver = false;
  const ended = until.finally(() => {
    isOver = true;
  });
  const begun = performance.now();
  for (let number = 0; !isOver; number += 1) {
    const kind = number % 10 === 0 ? 'create' : number % 2 === 0 ? 'test' : 'read';
    while (open >= openMax && !isOver) await pause(5);
    const at = performance.now();
    open += 1;
    const request = kind === 'create' ? create(balanced, load, `n${nextName()}`) : use(balanced, load, kind);
    requests.push(
      request
        .catch((error: unknown) => {
          load.wrong.push(`${kind}: ${error}`);
        })
        .finally(() => {
          open -= 1;
          load.answered += 1;
          load.tookMs.push(performance.now() - at);
        }),
    );
    await pause(Math.max(0, begun + (number + 1) * betweenRequestsMs - performance.now()));
  }
  await Promise.all(requests);
  load.tookSeconds += (performance.now() - begun) / 1_000;
  await ended;
}

const told = ({ answered, wrong, tookMs, tookSeconds }: Load): string => {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  const rate = tookSeconds > 0 ? ` (${(answered / tookSeconds).toFixed(1)} a second)` : '';
  return `${answered} requests${rate}, ${wrong.length} failed, ${at(0.5)} ms median, ${at(0.99)} ms p99, ${at(1)} ms most`;
};

async function freshLoad(balanced: Balanced): Promise<Load> {
  const load: Load = { made: [], wrong: [], answered: 0, tookMs: [], tookSeconds: 0 };
  for (let number = 1; number <= seeded; number += 1) await create(balanced, load, `seed ${number}`);
  return load;
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
    await run(balanced, load, pause(5_000));
    tell(`V09, before: ${told(load)}`);
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
    await run(balanced, load, rotating);
    const retired = await rotating;
    tell(`V09: ${told(load)}`);
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
        if (kill % 10 === 9) tell(`V10, after ${kill + 1} kills: ${told(load)}, ${rotations} rotations`);
        const unlisted = await query(
          'select key_id from secret where key_id not in (select id from vault_key)',
        );
        expect(unlisted, `after kill ${kill}: records under a key that is not there`).toEqual([]);
      }
    })().finally(() => {
      isOver = true;
    });
    await run(balanced, load, Promise.all([killing, rotating]));
    tell(`V10: ${told(load)}, ${balanced.resent} sent again, ${kills} kills, ${rotations} rotations`);
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
