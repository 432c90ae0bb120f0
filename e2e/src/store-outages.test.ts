import { randomBytes } from 'node:crypto';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { askWho, connectWarehouse, type SignInLab, startSignInLab } from './sign-in-lab.js';

// The store goes away while grants are being renewed at a provider that rotates strictly: the second use of an old
// refresh token ends the grant. DECISIONS: docs/decisions/2026-11-29-renewal-while-the-store-is-away.md.

const nodeCount = 3;
const grantCount = 6;
const kinds = ['killed', 'silent', 'read-only', 'one node cut off', 'one node paused'] as const;
type Kind = (typeof kinds)[number];

const rounds = full(20, kinds.length);
/** From one second to a minute, in steps that meet every kind; the quick tier's is more than a short lease has. */
const lengthOf = (round: number): number =>
  full(1_000 + Math.round((59_000 * ((round * 7) % 20)) / 19), 7_000);
/** The provider answers after the outage, in the midst of it, or at once. */
const delayOf = (round: number, ms: number): number => {
  const delays = [Math.min(ms + 1_500, 25_000), Math.min(ms / 2, 20_000), Math.min(ms * 0.8, 20_000), 0];
  return delays[(Math.floor(round / kinds.length) + round) % delays.length] ?? 0;
};

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('LI17: outages of the store while grants are renewed', () => {
  let postgres: LabPostgres;
  let database: FreshDatabase;
  let lab: SignInLab;
  let nodes: MooringProcess[];
  let relays: DatabaseRelay[];
  let at: ApiClient[];
  const grants: string[] = [];

  beforeAll(async () => {
    postgres = await startPostgres({ rowsInBig: 1 });
    database = await freshDatabase(postgres);
    relays = await Promise.all(Array.from({ length: nodeCount }, () => startDatabaseRelay(postgres)));
    const masterKey = randomBytes(32).toString('base64');
    const environmentAt = ({ port }: DatabaseRelay) => {
      const url = new URL(database.url);
      url.port = String(port);
      return { MOORING_DATABASE_URL: url.href, MOORING_MASTER_KEY: masterKey };
    };
    const [first, ...others] = relays as [DatabaseRelay, ...DatabaseRelay[]];
    lab = await startSignInLab({
      environment: environmentAt(first),
      configuration: { rateLimits: 'off' },
    });
    const { configuration } = lab;
    const more = await Promise.all(
      others.map((relay) => startMooring({ environment: environmentAt(relay), configuration })),
    );
    nodes = [lab.mooring, ...more];
    at = nodes.map(({ url, adminKey }) => apiClient(url, adminKey));
    for (let index = 0; index < grantCount; index += 1) {
      grants.push(await connectWarehouse(lab, at[0] as ApiClient, `warehouse ${index}`));
    }
  });
  afterAll(async () => {
    await Promise.all(nodes.slice(1).map((node) => node.stop()));
    await lab.close();
    for (const relay of relays) await relay.close();
    await database.drop();
    await postgres.close();
  });

  const outages: Record<Kind, { begin(node: number): unknown; end(node: number): unknown }> = {
    killed: {
      begin: () => relays.map((relay) => relay.cut()),
      end: () => relays.map((relay) => relay.thaw()),
    },
    silent: {
      begin: () => relays.map((relay) => relay.freeze()),
      end: () => relays.map((relay) => relay.thaw()),
    },
    'read-only': {
      async begin() {
        await database.run('alter system set default_transaction_read_only = on');
        await database.run('select pg_reload_conf()');
      },
      async end() {
        await database.run('alter system reset default_transaction_read_only');
        await database.run('select pg_reload_conf()');
      },
    },
    'one node cut off': {
      begin: (node) => relays[node]?.freeze(),
      end: (node) => relays[node]?.thaw(),
    },
    'one node paused': {
      begin: (node) => process.kill(nodes[node]?.pid ?? 0, 'SIGSTOP'),
      end: (node) => process.kill(nodes[node]?.pid ?? 0, 'SIGCONT'),
    },
  };

  /** Everybody reads through every grant at every node. */
  const crowd = (answers: Promise<Answer>[]) => {
    for (const api of at) for (const grant of grants) answers.push(askWho(api, grant));
  };

  /** What may be said in an outage: nothing that blames the source, or asks for a sign-in. */
  const saysOf = ({ status, body }: Answer): string =>
    status === 200 ? '200' : `${status} ${body.errors[0].code}`;
  const allowed = ['200', '503 NOT-READY', '424 SOURCE-UNREACHABLE'];

  const round = async (kind: Kind, number: number): Promise<void> => {
    const { authorizationServer } = lab;
    const { switches } = authorizationServer;
    const ms = lengthOf(number);
    const node = number % nodeCount;
    let arrived = 0;
    switches.tokenWatch = (moment) => {
      if (moment === 'arrived') arrived += 1;
    };
    switches.tokenDelayMs = delayOf(number, ms);
    authorizationServer.expireAccessTokens();
    authorizationServer.resetCounts();
    const answers = grants.map((grant, index) => askWho(at[index % nodeCount] as ApiClient, grant));
    await expect.poll(() => arrived, { interval: 2 }).toBe(grantCount);
    const { begin, end } = outages[kind];
    await begin(node);
    try {
      const over = performance.now() + ms;
      while (performance.now() < over) {
        crowd(answers);
        await after(Math.min(2_000, Math.max(0, over - performance.now())));
      }
    } finally {
      await end(node);
    }
    crowd(answers);
    const said = (await Promise.all(answers)).map(saysOf);
    expect(said.filter((each) => !allowed.includes(each))).toEqual([]);
    for (const grant of grants) {
      for (const api of at) {
        await expect.poll(async () => saysOf(await askWho(api, grant)), { timeout: 60_000 }).toBe('200');
      }
    }
    expect(authorizationServer.counts().token.refresh_token).toBe(grantCount);
    switches.tokenDelayMs = 0;
    switches.tokenWatch = undefined;
  };

  it.each(kinds)(
    'LI17: no grant is lost and each is renewed once: %s',
    async (kind) => {
      for (let number = kinds.indexOf(kind); number < rounds; number += kinds.length)
        await round(kind, number);
    },
    full(3_600_000, 300_000),
  );
});
