import { randomBytes } from 'node:crypto';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import { type ReplicatedPostgres, startReplicatedPostgres } from '@mooring/lab/postgres/replicated';
import { apiClient } from '@mooring/server/testing/api-client';
import { freshDatabase } from '@mooring/server/testing/shared-database';
import { expect, it } from 'vitest';
import { gateIsShut, mixedWrites } from '../mixed-writes.js';
import { type MooringProcess, startMooring } from '../mooring-process.js';

const nodeCount = 3;
const rounds = 5;

/** The address of their database that nodes get: it leads to the current primary. */
async function withPromotion(work: (nodes: MooringProcess[], server: ReplicatedPostgres) => Promise<void>) {
  const server = await startReplicatedPostgres();
  const database = await freshDatabase(server);
  const relays: DatabaseRelay[] = [];
  const nodes: MooringProcess[] = [];
  const masterKey = randomBytes(32).toString('base64');
  for (let index = 0; index < nodeCount; index += 1) {
    const relay = await startDatabaseRelay(server);
    relays.push(relay);
    const url = new URL(database.url);
    url.port = String(relay.port);
    const environment = { MOORING_DATABASE_URL: url.href, MOORING_MASTER_KEY: masterKey };
    nodes.push(await startMooring({ environment, configuration: { ...gateIsShut, rateLimits: 'off' } }));
  }
  await work(nodes, server);
  for (const node of nodes) expect(await node.stop()).toBe(0);
  for (const relay of relays) await relay.close();
  await database.drop();
  await server.close();
}

it('R15, R14: three nodes whose primary dies and whose replica is promoted lose nothing that was acknowledged, and do nothing twice', async () => {
  for (let round = 0; round < rounds; round += 1) {
    await withPromotion(async (nodes, server) => {
      const ledgers = nodes.map((_, index) => mixedWrites(`of node ${index}, `));
      const apis = nodes.map(({ url, adminKey }) => apiClient(url, adminKey));
      // Their descriptions need not differ, so only the key of the request keeps them apart.
      const once = (index: number, node: number) =>
        apis[node % nodeCount]?.post(
          '/api/v1/api-keys',
          { description: `once ${index}` },
          { 'idempotency-key': `once-${index}` },
        );
      const inFlight: Promise<unknown>[] = [];
      let promoted: Promise<void> | undefined;
      const promote = () => {
        promoted ??= (async () => {
          for (let index = 0; index < 12; index += 1) inFlight.push(once(index, index) ?? Promise.resolve());
          await server.promoteReplica();
        })();
        return promoted;
      };
      await Promise.all(
        nodes.map((node, index) => ledgers[index]?.writeUntil(node, promote, () => promoted !== undefined)),
      );
      await Promise.all(inFlight);
      for (const api of apis) {
        await expect
          .poll(async () => (await api.get('/api/v1/spaces')).status, { timeout: 30_000 })
          .toBe(200);
      }
      for (const [index, ledger] of ledgers.entries()) {
        // What was acknowledged at one node is there at another.
        await ledger.verify(apis[(index + 1) % nodeCount] as (typeof apis)[number]);
        expect(ledger.count('created') + ledger.count('deleted')).toBeGreaterThan(0);
      }
      for (let index = 0; index < 12; index += 1) {
        const answered = async () => (await once(index, index + 1))?.body.errors?.[0].code ?? 'made';
        await expect.poll(answered, { timeout: 60_000 }).toMatch(/^(made|IDEMPOTENCY-OUTCOME-UNKNOWN)$/);
      }
      const { data } = (await apis[0]?.get('/api/v1/api-keys?status=active&limit=100'))?.body ?? {};
      const descriptions = (data as { description: string }[])
        .map(({ description }) => description)
        .filter((description) => description.startsWith('once'));
      expect(descriptions.length).toBe(new Set(descriptions).size);
    });
  }
});
