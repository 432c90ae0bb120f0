import { seededInt } from '@mooring/lab/seeded';
import { full } from '@mooring/lab/test-tier';
import type { Answer, TestUser } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inParallel } from './in-parallel.js';
import { loginOf, refusalOf, startVaultStand, type VaultStand } from './vault-stand.js';

// Many users on one separated connection, each with a login of their own, and one without. PostgreSQL shows each
// login other rows, so an answer under another's login tells on itself.

interface Member extends TestUser {
  /** Login at the source, which is also the owner named in each row they may see. */
  login: string;
  credentialId: string;
}

const users = full(20, 8);
const requestsOfEach = full(100, 6);
const randomInt = seededInt();
const concurrency = 20;
let stand: VaultStand;
let connectionId: string;
let members: Member[];
let outsider: TestUser;

beforeAll(async () => {
  stand = await startVaultStand();
  const space = await stand.admin.post('/api/v1/spaces', { name: 'Shared', type: 'shared' });
  const connection = await stand.admin.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName: 'Orders',
    space: space.body.id,
    // The owner's own credential is on the connection: what a fallback would take.
    connectionProperties: {
      ...stand.target,
      ...loginOf(stand.postgres.roles.reader),
      separateCredentials: true,
    },
  });
  expect(connection.status, connection.text).toBe(201);
  connectionId = connection.body.qID;
  const join = async (subject: string) => {
    const user = await stand.addUser(subject);
    await stand.admin.post(`/api/v1/spaces/${space.body.id}/assignments`, {
      type: 'user',
      assigneeId: user.id,
      roles: ['dataconsumer'],
    });
    return user;
  };
  members = [];
  for (const login of stand.postgres.persons.slice(0, users)) {
    const user = await join(login.user);
    const provided = await user.api.put(`/api/v1/data-connections/${connectionId}/credential`, {
      // The same name for all: names are per user.
      credentialsName: 'my login',
      connectionProperties: loginOf(login),
    });
    expect(provided.body, provided.text).toMatchObject({ state: 'ready' });
    members.push({ ...user, login: login.user, credentialId: provided.body.credentialId });
  }
  outsider = await join('person21');
});
afterAll(() => stand.close());

const query = 'select id, owner, note, current_user::text as login from sales.orders order by id';
type OrderRow = [id: number, owner: string, note: string, login: string];

const use = ({ api }: TestUser, action: string, body: object) =>
  api.post(`/api/v1/data-connections/${connectionId}/actions/${action}`, body, {
    accept: 'application/x-ndjson',
  });

/** Everything wrong with an answer that should have this user's four rows and nothing else. */
function wrongFor(login: string, answer: Answer, rows: readonly OrderRow[]): string[] {
  if (answer.status !== 200) return [`${login}: ${answer.status} ${answer.text}`];
  const firstId = 10_000 + Number(login.slice(-2)) * 100 + 1;
  const expected = [0, 1, 2, 3].map((index) => [firstId + index, login, `for ${login}`, login]);
  return JSON.stringify(rows) === JSON.stringify(expected) ? [] : [`${login}: ${JSON.stringify(rows)}`];
}

async function preview(member: Member): Promise<string[]> {
  const answer = await use(member, 'preview', { query });
  return wrongFor(member.login, answer, answer.body?.rows ?? []);
}

async function read(member: Member): Promise<string[]> {
  const answer = await use(member, 'read', { query });
  const lines = answer.text.split('\n').filter(Boolean);
  return wrongFor(
    member.login,
    answer,
    lines.map((line) => Object.values(JSON.parse(line)) as OrderRow),
  );
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = randomInt(0, index + 1);
    const [one, two] = [result[index] as Item, result[other] as Item];
    [result[index], result[other]] = [two, one];
  }
  return result;
}

describe('users on one connection', () => {
  it('X14: interleaved requests of many users: every answer has their own rows, 0 crossings', async () => {
    const own = members.flatMap((member) =>
      Array.from(
        { length: requestsOfEach },
        (_, number) => () => (number % 2 === 0 ? preview : read)(member),
      ),
    );
    const refusals: string[] = [];
    const others = Array.from({ length: requestsOfEach }, (_, number) => async () => {
      refusals.push(refusalOf(await use(outsider, number % 2 === 0 ? 'preview' : 'read', { query })));
      return [];
    });
    const before = stand.relay.logins().length;
    expect((await inParallel(concurrency, shuffled([...own, ...others]))).flat()).toEqual([]);
    expect(refusals).toEqual(others.map(() => 'missing'));
    // The source's own view: one session per request, under that user's login, and none under the owner's.
    const tally = new Map<string, number>();
    for (const login of stand.relay.logins().slice(before)) tally.set(login, (tally.get(login) ?? 0) + 1);
    expect(Object.fromEntries(tally)).toEqual(
      Object.fromEntries(members.map(({ login }) => [login, requestsOfEach])),
    );
  });

  it('X14: the usage log shows each user their own uses, and all of them', async () => {
    for (const { api, credentialId, id, login } of members) {
      const { body } = await api.get(`/api/v1/data-credentials/${credentialId}/uses?limit=1000`);
      expect(body.data, login).toHaveLength(requestsOfEach);
      expect(new Set(body.data.map(({ userId }: { userId: string }) => userId))).toEqual(new Set([id]));
    }
  });

  it('X07, X13: what one user sets in their session does not reach the next, nor does their login', async () => {
    const [first, second] = members as [Member, Member];
    const sets = `select set_config('mooring.leftover', current_user, false),
      set_config('search_path', 'pg_catalog', false), set_config('application_name', 'left behind', false)`;
    expect((await use(first, 'preview', { query: sets })).body.rows).toHaveLength(1);
    const look = `select current_user::text, current_setting('mooring.leftover', true) as leftover,
      current_setting('search_path') as path, current_setting('application_name') <> 'left behind' as fresh`;
    for (const user of [second, first, second]) {
      const [row] = (await use(user, 'preview', { query: look })).body.rows;
      expect([row[0], row[1] || null, row[3]]).toEqual([user.login, null, true]);
      expect(row[2]).toContain('public');
    }
    expect((await use(first, 'preview', { query: `set role ${second.login}` })).status).not.toBe(200);
    const become = `select set_config('role', '${second.login}', false)`;
    expect((await use(first, 'preview', { query: become })).status).not.toBe(200);
  });

  it('X05, X07: a foreign credential is a 404 like a random one, and the user stays without', async () => {
    const path = `/api/v1/data-connections/${connectionId}/credential`;
    const foreign = await outsider.api.put(path, { credentialId: members[0]?.credentialId });
    const unknown = await outsider.api.put(path, { credentialId: '00000000-0000-4000-8000-000000000000' });
    const facts = ({ status, body }: Answer) => [status, body.errors];
    expect(facts(foreign)).toEqual(facts(unknown));
    expect(foreign.status).toBe(404);
    for (const action of ['test', 'browse', 'preview', 'read'])
      expect(
        refusalOf(await use(outsider, action, action === 'browse' || action === 'test' ? {} : { query })),
      ).toBe('missing');
  });
});
