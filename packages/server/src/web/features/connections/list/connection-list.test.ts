import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, addUser, type TestUser } from '../../../../testing/api-client.js';
import { type OpenedServer, openedServer } from '../__fixtures__/opened-server.js';

interface Listed {
  qID: string;
  qName: string;
  qri?: string;
}

const names = ['zebra', 'Äpfel', 'apple', 'Zoo', 'öl', 'Banana', 'apple (1)', 'Éclair', 'eagle', 'Ost'];
const swedish = ['apple', 'apple (1)', 'Banana', 'eagle', 'Éclair', 'Ost', 'zebra', 'Zoo', 'Äpfel', 'öl'];
const german = ['Äpfel', 'apple', 'apple (1)', 'Banana', 'eagle', 'Éclair', 'öl', 'Ost', 'zebra', 'Zoo'];

describe('the list of data-connections', () => {
  let server: OpenedServer;
  let alice: TestUser;
  let spaceId: string;

  beforeAll(async () => {
    server = await openedServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Names', type: 'shared' })).body.id;
    for (const qName of names) await create(qName, spaceId);
  });
  afterAll(() => server.close());

  const create = (qName: string, space: string, properties: object = {}, dataSourceId = 'postgres') =>
    alice.api.post('/api/v1/data-connections', {
      dataSourceId,
      qName,
      space,
      connectionProperties: {
        host: 'db.example.com',
        db: 'sales',
        username: 'u',
        password: 'canary-pw-91',
        ...properties,
      },
    });

  const list = (query: Record<string, string>, person = alice): Promise<Answer> =>
    person.api.get(`/api/v1/data-connections?${new URLSearchParams(query)}`);
  const namesOf = (answer: Answer): string[] =>
    answer.body.data.map((connection: Listed) => connection.qName);

  /** All names, by following `next` unchanged; `prev` of every page must lead back to the page before. */
  const walk = async (query: Record<string, string>): Promise<string[]> => {
    const seen: string[] = [];
    let answer = await list(query);
    let previous: string[] | undefined;
    for (;;) {
      expect(answer.status).toBe(200);
      const page = namesOf(answer);
      seen.push(...page);
      if (previous) expect(namesOf(await alice.api.get(answer.body.links.prev.href))).toEqual(previous);
      previous = page;
      const next = answer.body.links.next?.href;
      if (next === undefined) return seen;
      answer = await alice.api.get(next);
    }
  };

  describe('200', () => {
    it.each([
      ['sv', swedish],
      ['sv_SE', swedish],
      ['de', german],
    ])('sorts by name in the order of %s, in pages as in the whole list', async (locale, expected) => {
      const query = { spaceId, sort: '+qName', caseinsensitive: 'true', locale };
      expect(namesOf(await list(query))).toEqual(expected);
      expect(await walk({ ...query, limit: '3' })).toEqual(expected);
      expect(await walk({ ...query, sort: '-qName', limit: '4' })).toEqual(expected.toReversed());
    });

    it('sorts by code point without caseinsensitive, and by case-insensitive English without a locale', async () => {
      expect(await walk({ spaceId, sort: '+qName', limit: '3' })).toEqual(names.toSorted());
      expect((await walk({ spaceId, sort: ' qName', caseinsensitive: 'true', limit: '3' }))[0]).toBe('Äpfel');
    });

    it.each([
      ['qName co "APPLE"', ['apple', 'apple (1)']],
      ['qName sw "z" or qName eq "banana"', ['Banana', 'Zoo', 'zebra']],
      ['qName eq "apple" and not (qType co "rest")', ['apple']],
      ['datasourceID eq "postgres" and qName ew "l"', ['Äpfel', 'öl']],
      ['qType eq "QvOdbcConnectorPackage.exe" and qName eq "Ost"', ['Ost']],
      ['qType eq "QvRestConnector.exe"', []],
      ['created gt "2000-01-10T15:04:05Z" and updated pr and qName eq "Zoo"', ['Zoo']],
      ['created lt "2000-01-10T15:04:05Z"', []],
      ['qri co "qri:db:postgres" and qName eq "Zoo"', ['Zoo']],
    ])('filters by %s', async (filter, expected) => {
      const answer = await list({ spaceId, filter, sort: '+qName', limit: '100' });
      expect(namesOf(answer).toSorted()).toEqual(expected.toSorted());
      expect(answer.body.meta.count).toBe(expected.length);
    });

    it('pages through a filtered list', async () => {
      const query = { filter: 'qName co "a"', sort: '+qName', limit: '2' };
      const expected = names.filter((name) => /a/i.test(name)).toSorted();
      expect(await walk(query)).toEqual(expected);
    });

    it('US1: refuses unknown parameters that look like a filter and names the right one, but ignores others', async () => {
      const asked = (query: string) => alice.api.get(`/api/v1/data-connections?${query}`);
      for (const [query, right] of [
        ['ownerId=x', 'use userId, or ownedByMe=true'],
        ['NAME=x', 'use filter=qName eq "…"'],
        ['sub=x', 'use userId'],
        ['where=x', 'use filter with a SCIM expression'],
      ] as const) {
        const answer = await asked(query);
        expect(answer.status, query).toBe(400);
        expect(answer.body.errors[0].detail).toBe(
          `${query.split('=')[0]}: is not a parameter of this list: ${right}`,
        );
      }
      expect((await asked('trace=1&limit=1')).status).toBe(200);
    });

    it('shows QRIs only on request', async () => {
      const without = await list({ spaceId });
      expect(without.body.data.some((connection: Listed) => connection.qri !== undefined)).toBe(false);
      const qris = (await list({ spaceId, includeQris: 'true' })).body.data.map((one: Listed) => one.qri);
      expect(new Set(qris).size).toBe(1);
      expect(qris[0]).toMatch(/^qri:db:postgres:\/\/[\w-]{43}$/);
    });

    it('renames data to dataName', async () => {
      const usual = await list({ spaceId, limit: '2' });
      const renamed = await list({ spaceId, limit: '2', dataName: 'connections' });
      expect(renamed.body.connections).toEqual(usual.body.data);
      expect(Object.keys(renamed.body).toSorted()).toEqual(['connections', 'links', 'meta']);
    });

    it('pages stay exact while other rows are inserted and deleted', async () => {
      const space = (await alice.api.post('/api/v1/spaces', { name: 'Busy', type: 'data' })).body.id;
      const stays = Array.from({ length: 30 }, (_, index) => `stays ${String(index).padStart(2, '0')}`);
      for (const qName of stays) await create(qName, space);
      const seen: string[] = [];
      let next: string | undefined = `/api/v1/data-connections?spaceId=${space}&sort=%2BqName&limit=7`;
      for (let turn = 0; next !== undefined; turn += 1) {
        const page: Answer = await alice.api.get(next);
        seen.push(...namesOf(page));
        next = page.body.links.next?.href;
        const made = await create(`among ${turn}`, space);
        const { qID } = (await create(`zz ${turn}`, space)).body;
        await alice.api.delete(`/api/v1/data-connections/${qID}`);
        expect(made.status).toBe(201);
      }
      expect(seen.filter((name) => name.startsWith('stays'))).toEqual(stays);
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('leaves out a connection that cannot be read, and lists it in errors', async () => {
      const space = (await alice.api.post('/api/v1/spaces', { name: 'Broken', type: 'shared' })).body.id;
      const [good, unknown, damaged] = await Promise.all(
        ['good', 'unknown', 'damaged'].map(async (name) => (await create(name, space)).body.qID as string),
      );
      const { db } = server.store;
      await db
        .updateTable('connection')
        .set({ source_id: 'gone' })
        .where('id', '=', unknown ?? '')
        .execute();
      await db
        .updateTable('connection')
        .set({ properties: '{"ho' })
        .where('id', '=', damaged ?? '')
        .execute();
      const answer = await list({ spaceId: space });
      expect(answer.status).toBe(200);
      expect(answer.body.data.map((connection: Listed) => connection.qID)).toEqual([good]);
      expect(answer.body.errors).toHaveLength(2);
      const text = JSON.stringify(answer.body.errors);
      expect(text).toContain(`Connection ${unknown} is left out: there is no data source`);
      expect(text).toContain(`Connection ${damaged} is left out: its stored properties cannot be read`);
      expect(answer.body.errors.map((error: { code: string }) => error.code).toSorted()).toEqual([
        'DCAAS-2001',
        'SOURCE-CONFIGURATION-INVALID',
      ]);
      expect(text).not.toContain('{\\"ho');
    });
  });

  describe('400', () => {
    it.each([
      [{ filter: 'space eq "x"' }, /^filter: cannot use space/],
      [{ filter: 'qName eq' }, /^filter: is not a SCIM filter/],
      [{ filter: 'created gt "yesterday"' }, /^filter: created must be compared with a time/],
      [{ dataName: '' }, /^dataName: must not be empty/],
      [{ dataName: 'links' }, /^dataName: is the name of another member/],
      [{ dataName: 'Meta' }, /^dataName: /],
      [{ dataName: 'errors' }, /^dataName: /],
      [{ dataName: '__proto__' }, /^dataName: /],
      [{ sort: 'qType' }, /^sort: /],
      [{ sort: '+qName', caseinsensitive: 'true', locale: 'not a locale' }, /^locale: must be a locale/],
      [{ page: 'page=nonsense' }, /^page: is not a page token/],
      [{ limit: '101' }, /^limit: /],
    ])('explains the error in %j', async (query, detail) => {
      const answer = await list(query as Record<string, string>);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].code).toBe('DCERROR-0010');
      expect(answer.body.errors[0].detail).toMatch(detail);
    });
  });

  describe('who may list', () => {
    it('X09: a filter finds no connection that the caller may not list', async () => {
      const bob = await addUser(server.url, server.adminKey, 'bob');
      const answer = await list(
        { filter: 'qName pr or qName ne "x" or not (qName eq "x")', limit: '50' },
        bob,
      );
      expect(answer.body).toMatchObject({ data: [], meta: { count: 0 } });
      expect((await list({ spaceId, limit: '50' }, bob)).body).toMatchObject({
        data: [],
        meta: { count: 0 },
      });
    });
  });
});
