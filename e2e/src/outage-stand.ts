import { randomBytes } from 'node:crypto';
import { startPostgres } from '@mooring/lab/postgres';
import { startPgBouncer } from '@mooring/lab/postgres/pgbouncer';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import { expect } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { askWho, connectWarehouse, type SignInLab, startSignInLab } from './sign-in-lab.js';

// Outages of the store during renewals at a provider with strict rotation: the second use of an old
// refresh token ends the grant. DECISIONS: docs/decisions/2026-11-29-renewal-while-the-store-is-away.md.

/** One affected node, and a healthy one. */
const nodeCount = full(3, 2);
const grantCount = full(6, 4);
export const outageKinds = ['killed', 'silent', 'read-only', 'one node cut off', 'one node paused'] as const;
export type OutageKind = (typeof outageKinds)[number];

export interface Outage {
  kind: OutageKind;
  /** Duration in milliseconds. */
  lasts: number;
  /** Milliseconds after which the provider answers a renewal that arrived before the outage. */
  answersAfter: number;
  /** The affected node. */
  node: number;
}

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Allowed answers during an outage: none that blames the source or requests a sign-in. */
const saysOf = ({ status, body }: Answer): string =>
  status === 200 ? '200' : `${status} ${body.errors[0].code}`;
const allowed = ['200', '503 NOT-READY', '424 SOURCE-UNREACHABLE'];
/** Allowed answers of a paused node: its timeouts expired meanwhile, for its source and for its clients. */
const allowedTo = (kind: OutageKind): string[] =>
  kind === 'one node paused' ? [...allowed, '424 SOURCE-TIMEOUT', 'broken off'] : allowed;

/** The error code, or that the connection broke. */
const answerOf = async (api: ApiClient, grant: string): Promise<string> => {
  const answer = await askWho(api, grant).catch((error: unknown) => {
    // The error of `fetch`.
    if (error instanceof TypeError) return undefined;
    throw error;
  });
  return answer ? saysOf(answer) : 'broken off';
};

interface Cluster {
  database: FreshDatabase;
  lab: SignInLab;
  /** The wire of each node to the store. */
  relays: readonly DatabaseRelay[];
  /** Every wire to the database itself: those of the nodes, or that of the pooler. */
  databaseWires: readonly DatabaseRelay[];
  nodes: readonly MooringProcess[];
  close(): Promise<void>;
}

/** What the nodes connect to: the database, or a pooler in transaction mode with its own wire to it. */
async function startStore({ withPooler }: OutageStandOptions) {
  const postgres = await startPostgres({ rowsInBig: 1 });
  const database = await freshDatabase(postgres);
  const drop = async () => {
    await database.drop();
    await postgres.close();
  };
  if (!withPooler) return { database, reached: postgres, wires: [], close: drop };
  const wire = await startDatabaseRelay(postgres);
  const behind = { ...postgres, host: '127.0.0.1', port: wire.port };
  const pooler = await startPgBouncer(behind, { mode: 'transaction' });
  return {
    ...{ database, reached: pooler, wires: [wire] },
    async close() {
      await pooler.close();
      await wire.close();
      await drop();
    },
  };
}

async function startCluster(options: OutageStandOptions): Promise<Cluster> {
  const store = await startStore(options);
  const { database } = store;
  const relays = await Promise.all(
    Array.from({ length: nodeCount }, () => startDatabaseRelay(store.reached)),
  );
  const masterKey = randomBytes(32).toString('base64');
  const environmentAt = ({ port }: DatabaseRelay) => {
    const url = new URL(database.url);
    url.port = String(port);
    return { MOORING_DATABASE_URL: url.href, MOORING_MASTER_KEY: masterKey };
  };
  const [first, ...others] = relays as [DatabaseRelay, ...DatabaseRelay[]];
  const lab = await startSignInLab({
    environment: environmentAt(first),
    configuration: { rateLimits: 'off' },
  });
  const { configuration } = lab;
  const more = await Promise.all(
    others.map((relay) => startMooring({ environment: environmentAt(relay), configuration })),
  );
  return {
    database,
    lab,
    relays,
    databaseWires: store.wires.length > 0 ? store.wires : relays,
    nodes: [lab.mooring, ...more],
    async close() {
      await Promise.all(more.map((node) => node.stop()));
      await lab.close();
      for (const relay of relays) await relay.close();
      await store.close();
    },
  };
}

async function setReadOnly({ database }: Cluster, isReadOnly: boolean): Promise<void> {
  const setting = 'default_transaction_read_only';
  await database.run(`alter system ${isReadOnly ? `set ${setting} = on` : `reset ${setting}`}`);
  await database.run('select pg_reload_conf()');
}

function begin(cluster: Cluster, { kind, node }: Outage): unknown {
  if (kind === 'killed') return cluster.databaseWires.map((relay) => relay.cut());
  if (kind === 'silent') return cluster.databaseWires.map((relay) => relay.freeze());
  if (kind === 'read-only') return setReadOnly(cluster, true);
  if (kind === 'one node cut off') return cluster.relays[node]?.freeze();
  return process.kill(cluster.nodes[node]?.pid ?? 0, 'SIGSTOP');
}

function end(cluster: Cluster, { kind, node }: Outage): unknown {
  if (kind === 'read-only') return setReadOnly(cluster, false);
  if (kind === 'one node paused') return process.kill(cluster.nodes[node]?.pid ?? 0, 'SIGCONT');
  return [...cluster.relays, ...cluster.databaseWires].map((relay) => relay.thaw());
}

export interface OutageStandOptions {
  /** Between the nodes and the database. */
  withPooler?: boolean;
}

export interface OutageStand {
  /** Renews every grant, starts the outage once each call is at the provider, and expects that no grant is lost. */
  endure(outage: Outage): Promise<void>;
  close(): Promise<void>;
}

/** Nodes on one PostgreSQL, and grants. */
export async function startOutageStand(options: OutageStandOptions = {}): Promise<OutageStand> {
  const cluster = await startCluster(options);
  const { authorizationServer } = cluster.lab;
  const { switches } = authorizationServer;
  const at = cluster.nodes.map(({ url, adminKey }) => apiClient(url, adminKey));
  const grants: string[] = [];
  for (let index = 0; index < grantCount; index += 1) {
    grants.push(await connectWarehouse(cluster.lab, at[0] as ApiClient, `warehouse ${index}`));
  }
  const allGrantsAtAllNodes = () => at.flatMap((api) => grants.map((grant) => answerOf(api, grant)));

  return {
    async endure(outage) {
      let arrived = 0;
      switches.tokenWatch = (moment) => {
        if (moment === 'arrived') arrived += 1;
      };
      switches.tokenDelayMs = outage.answersAfter;
      authorizationServer.expireAccessTokens();
      authorizationServer.resetCounts();
      const answers = grants.map((grant, index) => answerOf(at[index % nodeCount] as ApiClient, grant));
      await expect.poll(() => arrived, { interval: 2 }).toBe(grantCount);
      await begin(cluster, outage);
      try {
        const over = performance.now() + outage.lasts;
        while (performance.now() < over) {
          answers.push(...allGrantsAtAllNodes());
          await after(Math.min(2_000, Math.max(0, over - performance.now())));
        }
      } finally {
        await end(cluster, outage);
      }
      answers.push(...allGrantsAtAllNodes());
      const said = await Promise.all(answers);
      expect(said.filter((each) => !allowedTo(outage.kind).includes(each))).toEqual([]);
      for (const grant of grants) {
        for (const api of at) {
          await expect.poll(() => answerOf(api, grant), { timeout: 60_000, interval: 200 }).toBe('200');
        }
      }
      expect(authorizationServer.counts().token.refresh_token).toBe(grantCount);
      switches.tokenDelayMs = 0;
      switches.tokenWatch = undefined;
    },
    close: cluster.close,
  };
}

/** @param number of the outage: alternates the node, and when the provider answers */
export function outageOf(kind: OutageKind, number: number, lasts: number): Outage {
  // After the outage, in the middle, shortly before its end, or at once.
  const delays = [
    Math.min(lasts + 1_500, 25_000),
    Math.min(lasts / 2, 20_000),
    Math.min(lasts * 0.8, 20_000),
    0,
  ];
  const turn = (Math.floor(number / outageKinds.length) + number) % delays.length;
  return { kind, lasts, answersAfter: delays[turn] ?? 0, node: number % nodeCount };
}
