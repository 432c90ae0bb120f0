import { BigQuery, type BigQueryTimestamp } from '@google-cloud/bigquery';
import { OAuth2Client } from 'google-auth-library';
import { importPKCS8, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LabBigQuery, startBigQuery } from './bigquery.js';

const bigquery = 'https://www.googleapis.com/auth/bigquery';

let lab: LabBigQuery;
const tokens = new Map([
  ['token-alice', { active: true, sub: 'alice', scope: bigquery }],
  ['token-bob', { active: true, sub: 'bob' }],
  ['token-narrow', { active: true, sub: 'alice', scope: 'email' }],
]);
beforeAll(async () => {
  lab = await startBigQuery({
    verifyAccessToken: async (token) => tokens.get(token) ?? { active: false },
    rowsInBig: 25_000,
  });
});
afterAll(async () => {
  await lab?.close();
});
beforeEach(() => {
  lab.switches.answerNext = [];
});

function clientFor(token: string): BigQuery {
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: token });
  const options = { projectId: lab.projectId, apiEndpoint: lab.url, autoRetry: false };
  // The client bundles its own copy of the auth types; the object is the same at run time.
  return new BigQuery({ ...options, authClient: authClient as never });
}

const table = (name: string) => `\`${lab.projectId}.sales.${name}\``;

describe('the BigQuery stand-in', () => {
  it('answers a query by the real client with the rows of the token’s user', async () => {
    for (const [login, count] of [
      ['alice', 5],
      ['bob', 3],
    ] as const) {
      const client = clientFor(`token-${login}`);
      const [rows] = await client.query(`SELECT * FROM ${table('orders')}`);
      expect(rows).toHaveLength(count);
      expect(rows.every((row) => row.owner === login)).toBe(true);
      expect((await client.query('SELECT SESSION_USER() AS who'))[0]).toEqual([{ who: login }]);
      expect((await client.query(`select id, owner from ${table('orders')} limit 2`))[0]).toEqual([
        { id: 1, owner: login },
        { id: 2, owner: login },
      ]);
    }
    expect(lab.requests().at(-1)).toMatchObject({ method: 'POST', authorized: true, sub: 'bob' });
  });

  it('browses datasets and tables in pages', async () => {
    const client = clientFor('token-alice');
    const names: (string | undefined)[] = [];
    let next: object | null = { maxResults: 2 };
    // The client takes maxResults as the total, so the pages are asked for one by one.
    while (next !== null) {
      const answer = await client.getDatasets({ ...next, autoPaginate: false });
      const [page, following] = answer as unknown as [{ id?: string }[], object | null];
      expect(page.length).toBeLessThanOrEqual(2);
      names.push(...page.map(({ id }) => id));
      next = following;
    }
    expect(names).toEqual(lab.datasets);
    const [tables] = await client.dataset('sales').getTables();
    expect(tables.map(({ id }) => id)).toContain('all_types');
    const [metadata] = await client.dataset('sales').table('orders').getMetadata();
    expect(metadata).toMatchObject({ type: 'TABLE', numRows: '5', schema: { fields: expect.any(Array) } });
    const projects = await fetch(`${lab.url}/bigquery/v2/projects?maxResults=1`, {
      headers: { authorization: 'Bearer token-bob' },
    });
    expect(await projects.json()).toMatchObject({
      nextPageToken: expect.any(String),
      projects: [{ id: lab.projectId }],
    });
  });

  it('pages through query results and table data without losing a row', async () => {
    const client = clientFor('token-bob');
    const [rows] = await client.query({ query: `SELECT * FROM ${table('big')}` });
    expect(rows).toHaveLength(25_000);
    expect(rows.at(-1)?.id).toBe(25_000);
    const [data] = await client.dataset('sales').table('big').getRows();
    expect(new Set(data.map((row) => row.id)).size).toBe(25_000);
    const [job] = await client.createQueryJob({ query: `SELECT * FROM ${table('big')}` });
    expect((await job.getQueryResults())[0]).toHaveLength(25_000);
    expect((await job.getQueryResults({ maxResults: 9_999 }))[0]).toHaveLength(9_999);
    const streamed = [];
    for await (const row of client.createQueryStream(`SELECT * FROM ${table('big')}`)) streamed.push(row);
    expect(streamed).toHaveLength(25_000);
  });

  it('keeps every type exact through the client', async () => {
    const client = clientFor('token-alice');
    const [rows] = await client.query({ query: `SELECT * FROM ${table('all_types')}`, wrapIntegers: true });
    const [first, second, third] = rows;
    expect(first.c_integer.value).toBe('9223372036854775807');
    expect(first.c_bignumeric.toFixed()).toBe('-0.00000000000000000000000000000000000001');
    expect((first.c_timestamp as BigQueryTimestamp).value).toBe('2024-02-29T12:34:56.789012000Z');
    expect(first.c_record).toMatchObject({ inner: 'deep', tags: ['x', 'y'] });
    expect(second.c_date.value).toBe('9999-12-31');
    expect(third.c_string).toBeNull();
    const float = `${lab.url}/bigquery/v2/projects/${lab.projectId}/datasets/sales/tables/orders/data?maxResults=1&selectedFields=ordered_at`;
    const answer = await fetch(float, { headers: { authorization: 'Bearer token-bob' } });
    expect(await answer.json()).toMatchObject({ rows: [{ f: [{ v: '1.70928E9' }] }], totalRows: '3' });
  });

  it('refuses missing, wrong and narrow tokens in Google’s shape and counts them', async () => {
    const before = lab.requests().length;
    const anonymous = await fetch(`${lab.url}/bigquery/v2/projects`);
    expect(anonymous.status).toBe(401);
    expect(await anonymous.json()).toMatchObject({
      error: { code: 401, status: 'UNAUTHENTICATED', errors: [{ reason: 'required' }] },
    });
    await expect(clientFor('stolen').query('SELECT SESSION_USER() AS who')).rejects.toMatchObject({
      code: 401,
    });
    await expect(clientFor('token-narrow').getDatasets()).rejects.toMatchObject({ code: 403 });
    const calls = lab.requests().slice(before);
    expect(calls.length).toBeGreaterThanOrEqual(3);
    expect(calls.some(({ authorized }) => authorized)).toBe(false);
  });

  it('answers wrong statements, unknown names and foreign tables with the API’s errors', async () => {
    const client = clientFor('token-bob');
    for (const sql of ['DROP TABLE x', 'SELECT 1; SELECT 2', `SELECT nope FROM ${table('orders')}`]) {
      await expect(client.query(sql)).rejects.toMatchObject({
        code: 400,
        errors: [{ reason: 'invalidQuery' }],
      });
    }
    await expect(client.query(`SELECT * FROM ${table('none')}`)).rejects.toMatchObject({ code: 404 });
    await expect(client.query(`SELECT * FROM ${table('salaries')}`)).rejects.toMatchObject({ code: 403 });
    await expect(client.dataset('none').getTables()).rejects.toMatchObject({ code: 404 });
    lab.switches.answerNext.push({ status: 503, body: '<h1>down</h1>', contentType: 'text/html' });
    await expect(client.query('SELECT SESSION_USER() AS who')).rejects.toMatchObject({ code: 503 });
  });

  it('takes the parameters of the real client, and says what a dry run would do', async () => {
    const client = clientFor('token-alice');
    const params = { who: 'Älta', n: 7, ok: true, day: BigQuery.date('2024-02-29') };
    const query = 'SELECT @who AS who, @n AS n, @ok AS ok, @day AS day';
    expect((await client.query({ query, params }))[0]).toEqual([
      { who: 'Älta', n: 7, ok: true, day: BigQuery.date('2024-02-29') },
    ]);
    const placed = { query: 'SELECT ? AS a, ? AS b', params: [1.5, 'x'] };
    expect((await client.query(placed))[0]).toEqual([{ a: 1.5, b: 'x' }]);
    await expect(client.query({ query, params: { who: 'x' } })).rejects.toMatchObject({ code: 400 });
    const before = lab.jobs().length;
    for (const [sql, statementType] of [
      [`SELECT id FROM ${table('orders')}`, 'SELECT'],
      [`INSERT INTO ${table('orders')} VALUES (1)`, 'INSERT'],
    ] as const) {
      const [job] = await client.createQueryJob({ query: sql, dryRun: true });
      expect(job.metadata.statistics.query).toMatchObject({
        statementType,
        schema: { fields: expect.any(Array) },
      });
    }
    expect(lab.jobs()).toHaveLength(before);
  });

  it('runs an endless query until it is cancelled, by its own user only', async () => {
    const [job] = await clientFor('token-alice').createQueryJob({
      query: `SELECT * FROM ${table('endless')}`,
    });
    const results = job.getQueryResults();
    results.catch(() => undefined);
    await expect(
      clientFor('token-bob')
        .job(job.id ?? '')
        .cancel(),
    ).rejects.toMatchObject({ code: 404 });
    await expect.poll(() => lab.requests().at(-1)?.path).toContain('/cancel');
    expect(lab.jobs().at(-1)).toMatchObject({ sub: 'alice', state: 'RUNNING' });
    await job.cancel();
    await expect(results).rejects.toMatchObject({ code: 499 });
    expect(lab.jobs().at(-1)).toMatchObject({ state: 'DONE', isCancelled: true });
  });
});

describe('the service account of the BigQuery stand-in', () => {
  it('exchanges an assertion signed with its key, and nothing else', async () => {
    const account = lab.serviceAccountKey;
    const privateKey = await importPKCS8(account.private_key, 'RS256');
    const assertion = (claims: { aud: string; scope?: string }) =>
      new SignJWT({ scope: bigquery, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: account.private_key_id })
        .setIssuer(account.client_email)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    const exchange = async (jwt: string) => {
      const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: jwt };
      const response = await fetch(account.token_uri, { method: 'POST', body: new URLSearchParams(grant) });
      return {
        status: response.status,
        json: (await response.json()) as { access_token?: string; error?: string },
      };
    };
    const good = await exchange(await assertion({ aud: account.token_uri }));
    expect(good.status).toBe(200);
    const client = clientFor(good.json.access_token ?? '');
    expect((await client.query('SELECT SESSION_USER() AS who'))[0]).toEqual([{ who: account.client_email }]);
    const elsewhere = await exchange(await assertion({ aud: 'https://elsewhere.example/token' }));
    expect(elsewhere).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
    const jwt = await assertion({ aud: account.token_uri });
    expect((await exchange(`${jwt.slice(0, -6)}AAAAAA`)).status).toBe(400);
  });
});
