import path from 'node:path';
import Database from 'libsql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { recordStatements, type Statement } from '../../testing/recorded-statements.js';
import { startNodes } from '../../testing/start-nodes.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { fillingStatements } from '../../testing/store-filling.js';

// Requests every list as a client does, and checks the plans of its statements. A cost that grows with the store (a table
// that is read or sorted completely) shows in the plan long before it shows in the time.

const rows = 20_000;
/** How many rows of a table a page may touch: 20 candidates for each row of the page. */
const touchedMax = rows / 4;
/** Tables with this many rows; there are 2,000 spaces, and one user is a member of all. */
const large = new Set([
  ...[
    'connection',
    'credential',
    'credential_link',
    'credential_destination',
    'secret',
    'audit_event',
    'user',
    'api_key',
  ],
]);

/** Counts the keys of a whole store, once a start. */
const isOfStart = ({ text }: Statement): boolean => text.includes('"token_hash" not like');

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Index Cond'?: string;
  Filter?: string;
  Plans?: PlanNode[];
}

/** A page of connections in the scopes that a user sees: for a member of few it must not walk those of others. */
const isAmongScopes = ({ text }: Statement): boolean =>
  text.includes("'space:' || space.id") &&
  text.includes('order by') &&
  !/connection\.owner_id = [$?]|"scope" = [$?]/.test(text);

/**
 * True where connections are read that no limit cuts off before they are joined, or looked through for scopes: whatever
 * it takes here, with a million of them it takes them all.
 */
function readsUncut(node: PlanNode, isCut = false): boolean {
  const { 'Node Type': type, 'Relation Name': table, 'Index Cond': index = '', Filter: filter = '' } = node;
  if (table === 'connection') return !/\(\(?id\)? = /.test(index) && (!isCut || filter.includes('SubPlan'));
  const isCutBelow = type === 'Limit' || (isCut && !/Nested Loop|Join/.test(type));
  return (node.Plans ?? []).some((below) => readsUncut(below, isCutBelow));
}

/** Runs a statement. @returns what it did too much of; empty when it is within its limits */
async function tooMuchOnPostgres(client: pg.Client, one: Statement): Promise<string[]> {
  const { text, values } = one;
  const { rows: answer } = await client.query({
    text: `explain (analyze, format json) ${text}`,
    values: [...values],
  });
  const found: string[] = [];
  const look = (node: PlanNode): void => {
    const { 'Node Type': type, 'Relation Name': table, Plans: below = [] } = node;
    const touched = node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0));
    if (table && large.has(table) && type === 'Seq Scan') found.push(`reads ${table} whole`);
    else if (table && large.has(table) && touched > touchedMax) found.push(`touches ${touched} of ${table}`);
    if (type.includes('Sort') && touched > touchedMax) found.push(`sorts ${touched} rows`);
    below.forEach(look);
  };
  const plan: PlanNode = answer[0]['QUERY PLAN'][0].Plan;
  look(plan);
  if (isAmongScopes(one) && readsUncut(plan)) found.push('reads connections that no limit cuts off');
  return found;
}

function tooMuchOnSqlite(database: Database.Database, one: Statement): string[] {
  const { text } = one;
  const steps = database.prepare(`explain query plan ${text}`).all() as { parent: number; detail: string }[];
  // The page, and before it the rows that it is taken from.
  const isCut = (text.match(/limit \?/g) ?? []).length > 1;
  const isOfCandidates = isCut && text.includes('as connection');
  /** Parts that read all there is in the tenant, or in a scope, until they have enough. */
  const walks = new Set(
    steps
      .filter(({ detail }) => /^SEARCH (?:connection|inside)\b/.test(detail) && !/\bid=\?/.test(detail))
      .map(({ parent }) => parent),
  );
  return steps.flatMap(({ parent, detail }) => {
    const [, table] = /^SCAN (\w+)/.exec(detail) ?? [];
    // By tenant alone: from end to end, until enough of them are of the scopes.
    const isWalk = detail.startsWith('SEARCH connection ') && !/\b(scope|id)=\?/.test(detail);
    if (isWalk && !isOfCandidates && isAmongScopes(one)) return [detail];
    // Everything that a user sees, or everything, for one page of it.
    const isSort = detail.startsWith('USE TEMP B-TREE FOR') && detail.endsWith('ORDER BY');
    if (isSort && (!isCut || walks.has(parent)) && isAmongScopes(one)) return [detail];
    return table && large.has(table) && !(table === 'connection' && isOfCandidates) ? [detail] : [];
  });
}

describe('statements of a filled store', () => {
  let server: TestServer;
  let databaseUrl: string | undefined;
  let close: () => Promise<void>;
  let admin: ApiClient;
  let few: TestUser;
  let many: TestUser;
  let used: string;

  beforeAll(async () => {
    if (inject('databaseServer')) {
      const all = await startNodes({ count: 1 });
      [server] = all.nodes as [TestServer];
      databaseUrl = all.database.url;
      close = all.close;
    } else {
      server = await startServer();
      close = () => server.close();
    }
    admin = apiClient(server.url, server.adminKey);
    few = await addUser(server.url, server.adminKey, 'few');
    many = await addUser(server.url, server.adminKey, 'many');
    const made = await few.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'postgres', qName: 'used' },
      connectionProperties: {
        ...{
          host: '127.0.0.1',
          port: '9',
          db: 'd',
          sslmode: 'disable',
          username: 'u',
          password: 'p-of-plans',
        },
        ...{ separateCredentials: true, credentialsName: 'used' },
      },
    });
    used = `/api/v1/data-connections/${made.body.qID}`;
    const statements = fillingStatements({
      ...{ connections: rows, spaces: 2_000, people: rows, events: rows },
      members: [
        { userId: few.id, spaces: 3 },
        { userId: many.id, spaces: 2_000 },
      ],
    });
    for (const statement of statements) {
      if (databaseUrl) {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        await client.query(statement);
        await client.end();
      } else await server.sql(statement);
    }
  });
  afterAll(() => close());

  /** Each list, the user who requests it, and its second page too; and a use, whose source is not there. */
  const walk = async (): Promise<void> => {
    expect((await few.api.post(`${used}/actions/resolve`)).body).toMatchObject({ usable: true });
    expect((await few.api.post(`${used}/actions/browse`)).status).toBe(424);
    const connections = '/api/v1/data-connections';
    const sorts = ['_id', 'qName', 'created', 'updated'].flatMap((field) => [`%2B${field}`, `-${field}`]);
    const ofConnections = [
      ...sorts.map((sort) => `limit=20&sort=${sort}`),
      'limit=20',
      'limit=100&sort=%2BqName&caseinsensitive=true',
      'limit=20&ownedByMe=true',
      'limit=20&personal=true',
    ];
    const spaceId = (await few.api.get('/api/v1/spaces?limit=1')).body.data[0].id as string;
    const owner = (await admin.get('/api/v1/users?limit=1&sort=-createdAt')).body.data[0].id as string;
    const asked: [ApiClient, string][] = [
      ...[admin, few.api, many.api].flatMap((api): [ApiClient, string][] => [
        ...[...ofConnections, `limit=20&spaceId=${spaceId}`].map((query): [ApiClient, string] => [
          api,
          `${connections}?${query}`,
        ]),
        [api, '/api/v1/spaces?limit=20'],
        [api, '/api/v1/spaces?limit=20&sort=-name'],
        [api, '/api/v1/api-keys?limit=20'],
        [api, '/api/v1/data-credentials'],
      ]),
      [admin, `${connections}?limit=20&userId=${owner}`],
      ...['name', 'subject', 'status', 'createdAt', 'lastUpdatedAt'].map((sort): [ApiClient, string] => [
        admin,
        `/api/v1/users?limit=20&sort=${sort}`,
      ]),
      ...[
        ...[
          '',
          '&sort=eventTime',
          '&sort=-eventType',
          '&sort=source',
          '&eventType=type 3',
          '&source=source 5',
        ],
        ...[
          `&userId=${owner}`,
          `&eventTime=${new Date(Date.now() - 3_600_000).toISOString()}/${new Date().toISOString()}`,
        ],
      ].map((query): [ApiClient, string] => [admin, `/api/v1/audits?limit=20${query}`]),
      [admin, '/api/v1/oauth-clients?limit=20'],
      [admin, `/api/v1/spaces/${spaceId}/assignments?limit=20`],
      [admin, '/api/v1/users?limit=20'],
    ];
    for (const [api, url] of asked) {
      const first = await api.get(url);
      expect(first.status, `${url}: ${first.text}`).toBe(200);
      const next = first.body.links?.next?.href;
      if (next !== undefined) expect((await api.get(next)).status, next).toBe(200);
    }
  };

  it('NO1, NO3, NO4: read and sort what a page needs, and no table whole', async () => {
    const statements: Statement[] = [];
    const stop = recordStatements(statements);
    try {
      // Includes the clean-up that begins with a start; one that a restart interrupts does not report it.
      const rounds = () => server.logText().split('the store was cleaned up').length - 1;
      await expect.poll(rounds).toBeGreaterThan(0);
      const before = rounds();
      await server.restart();
      await expect.poll(rounds).toBeGreaterThan(before);
      await walk();
      expect((await admin.post('/api/v1/vault-keys/actions/rotate')).status).toBe(200);
      await expect.poll(() => server.logText()).toContain('unreadable records were not rewrapped');
    } finally {
      stop();
    }
    const distinct = [...new Map(statements.map((one) => [one.text, one])).values()].filter(
      (one) => /^\s*(?:select|delete|update|with)\b/i.test(one.text) && !isOfStart(one),
    );
    expect(distinct.length).toBeGreaterThan(60);
    const problems: string[] = [];
    if (databaseUrl) {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      for (const one of distinct) {
        // What `explain analyze` runs is undone.
        await client.query('begin');
        for (const what of await tooMuchOnPostgres(client, one)) problems.push(`${what}: ${one.text}`);
        await client.query('rollback');
      }
      await client.end();
    } else {
      const database = new Database(path.join(server.dataFolder, 'mooring.db'));
      for (const one of distinct)
        for (const what of tooMuchOnSqlite(database, one)) problems.push(`${what}: ${one.text}`);
      database.close();
    }
    expect(problems).toEqual([]);
  });
});
