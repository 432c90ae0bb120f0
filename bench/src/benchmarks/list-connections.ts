import { createApiClient } from '@mooring/contract/client';
import { createAssignment } from '@mooring/contract/routes/assignments';
import { createInvitation, redeemInvitation } from '@mooring/contract/routes/invitations';
import { createSpace } from '@mooring/contract/routes/spaces';
import { newUuid } from '@mooring/server/core/crypto/random';
import { openStore } from '@mooring/server/core/store/store';
import type { ConnectionTable } from '@mooring/server/core/store/tables';
import { insertConnection, nameColumns } from '@mooring/server/web/features/connections/connection-rows';
import type { Benchmark, Finding } from '../benchmark.js';
import { apiKey, type MooringProcess, startMooring } from '../mooring-process.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const spaceCount = 200;
/** The user with few spaces is a member of every n-th. */
const fewOf = 50;
const rowsAtOnce = 5000;
const path = '/api/v1/data-connections';

interface Listed {
  links: { next?: { href: string } };
  meta: { count: number };
}

interface User {
  name: string;
  key: string;
}

interface Filled {
  mooring: MooringProcess;
  users: readonly User[];
}

/** The administrator, a member of every space, and a member of a few. */
async function addUsers(mooring: MooringProcess): Promise<{ users: User[]; spaceIds: string[] }> {
  const add = async (name: string) => {
    const { userId, token } = await mooring.api.call(createInvitation, { body: { subject: name, name } });
    const { apiKey: made } = await createApiClient({ url: mooring.url }).call(redeemInvitation, {
      body: { token },
    });
    return { id: userId, key: made.token };
  };
  const everywhere = await add('member');
  const few = await add('visitor');
  const spaceIds: string[] = [];
  for (let index = 0; index < spaceCount; index += 1) {
    const { id } = await mooring.api.call(createSpace, { body: { name: `Space ${index}`, type: 'shared' } });
    spaceIds.push(id);
    for (const assignee of index % fewOf === 0 ? [everywhere, few] : [everywhere]) {
      await mooring.api.call(createAssignment, {
        params: { spaceId: id },
        body: { type: 'user', assigneeId: assignee.id, roles: ['dataconsumer'] },
      });
    }
  }
  const users = [
    { name: 'an administrator', key: apiKey },
    { name: `a member of all ${spaceCount} spaces`, key: everywhere.key },
    { name: `a member of ${spaceCount / fewOf} of ${spaceCount} spaces`, key: few.key },
  ];
  return { users, spaceIds };
}

/** Inserts the connections with the server's own statements; HTTP would take minutes. */
async function fill(dataFolder: string, spaceIds: readonly string[], count: number): Promise<void> {
  const store = openStore({ dataFolder });
  const owner = await store.db
    .selectFrom('user')
    .select(['id', 'tenant_id'])
    .limit(1)
    .executeTakeFirstOrThrow();
  for (let start = 0; start < count; start += rowsAtOnce) {
    await store.transaction(async (tx) => {
      for (let index = start; index < Math.min(count, start + rowsAtOnce); index += 1) {
        const spaceId = spaceIds[index % spaceIds.length] ?? '';
        const at = new Date(1_700_000_000_000 + index * 1000).toISOString();
        const row: ConnectionTable = {
          id: newUuid(),
          tenant_id: owner.tenant_id,
          ...nameColumns(`Connection ${index}`),
          scope: `space:${spaceId}`,
          space_id: spaceId,
          owner_id: owner.id,
          source_id: 'postgres',
          properties: JSON.stringify({
            host: 'db.example.com',
            port: 5432,
            db: 'sales',
            sslmode: 'verify-full',
          }),
          set_names: null,
          separated: 1,
          destination: 'postgres; host=db.example.com; port=5432',
          qri: 'qri:db:postgres://bench',
          tags: '[]',
          version: 1,
          created_at: at,
          updated_at: at,
          suspended_at: null,
          suspended_by: null,
          secrets_entered_at: null,
          secrets_entered_with: null,
        };
        await insertConnection(tx, row);
      }
    });
  }
  await store.close();
}

async function filled(stage: Stage, count: number): Promise<Filled> {
  const dataFolder = await stage.freshPath(`list-${count}`);
  const first = await startMooring(dataFolder);
  const { users, spaceIds } = await addUsers(first);
  await first.stop();
  await fill(dataFolder, spaceIds, count);
  return { mooring: await startMooring(dataFolder), users };
}

async function fetchPage(url: string, key: string): Promise<Listed> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  return (await response.json()) as Listed;
}

/** The last full page, by following `next` from the first. */
async function deepest(first: string, key: string): Promise<string> {
  let url = first;
  for (;;) {
    const page = await fetchPage(url, key);
    const next = page.links.next?.href;
    if (next === undefined) return url;
    const after = await fetchPage(next, key);
    if (after.links.next === undefined) return url;
    url = next;
  }
}

const milliseconds = (url: string, key: string, times: number) => async () => {
  const begun = performance.now();
  for (let count = 0; count < times; count += 1) await fetchPage(url, key);
  return (performance.now() - begun) / times;
};

/** A page of 20, first and deepest, among many connections and among few, for users who see all or few of them. */
async function run(stage: Stage): Promise<Finding[]> {
  const [fewCount, manyCount] = [1000, stage.isQuick ? 10_000 : 100_000];
  const few = await filled(stage, fewCount);
  const many = await filled(stage, manyCount);
  const times = stage.isQuick ? 20 : 100;
  const findings: Finding[] = [];
  try {
    for (const [index, { name }] of many.users.entries()) {
      const sides = await Promise.all(
        [few, many].map(async ({ mooring, users }) => {
          const { key } = users[index] ?? { key: '' };
          const first = `${mooring.url}${path}?limit=20&sort=%2Bcreated`;
          return { key, first, deepest: await deepest(first, key) };
        }),
      );
      for (const which of ['first', 'deepest'] as const) {
        const [small, large] = sides;
        if (!small || !large) throw new Error('a side is missing');
        const rounds = await interleave(stage.isQuick ? 2 : 7, {
          small: milliseconds(small[which], small.key, times),
          large: milliseconds(large[which], large.key, times),
        });
        findings.push({
          what: `${which} page of 20 among ${manyCount.toLocaleString('en')} connections in ${spaceCount} spaces, ${name}`,
          ours: `${median(rounds.large).toFixed(2)} ms`,
          ceiling: {
            name: `the same among ${fewCount.toLocaleString('en')}`,
            value: `${median(rounds.small).toFixed(2)} ms`,
          },
          ratio: medianRatio(rounds.small, rounds.large),
          // 1.5 times the time.
          aim: { atLeast: 0.67 },
        });
      }
    }
    return findings;
  } finally {
    await few.mooring.stop();
    await many.mooring.stop();
  }
}

export const listConnections: Benchmark = { name: 'list', run };
