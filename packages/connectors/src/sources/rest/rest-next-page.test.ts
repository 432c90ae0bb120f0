// The way to the next page, as services show it: found, or reported; part of the rows is never returned as if it were all.
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../../suite/bench.js';
import { type Handler, inputOf, json, open, read, serve } from './test-stand.js';

const query = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://x').searchParams;

const tokens = { PaginationType: 'NextToken' };

describe('the next page', () => {
  it('VA2: is found under a name with dots, and a misspelt path is reported where the page indicates more', async () => {
    const stand = await serve((request, response) => {
      const page = Number(query(request).get('p') ?? 1);
      const next = page < 3 ? { '@odata.nextLink': `${stand.url}/?p=${page + 1}` } : {};
      json({ value: [{ id: page }], ...next })(request, response);
    });
    const url = { url: stand.url, PaginationType: 'NextUrl' };
    expect((await read({ ...url, NextUrlFieldPath: '@odata.nextLink' })).rows).toHaveLength(3);
    const { message, remedy, kind } = await failureOf(read(url));
    expect(message).toBe(
      'The first page has nothing at NextUrlFieldPath ("next"), but indicates at "@odata.nextLink" that there are more.',
    );
    expect([kind, remedy]).toEqual([
      'invalid_config',
      'Set the property NextUrlFieldPath of the connection to "@odata.nextLink".',
    ]);
    const { session } = await open(inputOf(url));
    expect((await failureOf(session.ping())).kind).toBe('invalid_config');
  });

  it.each([
    [{ paging: { next: '/x' } }, {}],
    [{ has_more: true }, {}],
    [{ page: { last: false } }, {}],
    [{ _links: { next: { href: '/x' } } }, {}],
    [{}, { link: '</x>; rel="next"' }],
  ])('VA2: is missed where the answer says it in another way: %j %j', async (more, headers) => {
    const stand = await serve(json({ items: [{ id: 1 }], ...more }, headers as Record<string, string>));
    for (const PaginationType of ['NextToken', 'NextUrl']) {
      const { message } = await failureOf(read({ url: stand.url, PaginationType }));
      expect(message).toMatch(/^The first page has nothing at Next\w+FieldPath/);
    }
  });

  it('VA2: is not missed where there is none', async () => {
    const more = { next_page: null, has_more: false, paging: { next: '', cursor: null }, isLast: true };
    const stand = await serve(json({ items: [{ id: 1 }], ...more }));
    expect((await read({ url: stand.url, ...tokens })).rows).toEqual([[1, null]]);
  });

  it('VA2: is reported without pagination, unless only the first page is wanted', async () => {
    const all = { value: [{ id: 1 }, { id: 2 }] };
    for (const [more, headers, status] of [
      [{ '@odata.nextLink': '/x' }, {}, 200],
      [{ has_more: true }, {}, 200],
      [{}, { link: '<?p=2>; rel="next"' }, 200],
      [{}, {}, 206],
    ] as const) {
      const stand = await serve((_request, response) =>
        response.writeHead(status, { ...headers }).end(JSON.stringify({ ...all, ...more })),
      );
      const refused = await failureOf(read({ url: stand.url }));
      expect([refused.kind, refused.remedy]).toEqual([
        'invalid_config',
        expect.stringContaining('PaginationFirstPageOnly'),
      ]);
      const { session } = await open(inputOf({ url: stand.url }));
      expect((await failureOf(session.ping())).kind).toBe('invalid_config');
      expect((await read({ url: stand.url }, { limit: 2 })).rows).toHaveLength(2);
      expect((await read({ url: stand.url, PaginationFirstPageOnly: true })).rows).toHaveLength(2);
    }
    for (const fine of [
      { ...all, nextDueDate: '2026-01-01', cursor: 'x' },
      { ...all, pageInfo: { hasNextPage: false, next: 'x' } },
      { id: 1, next: 'step' },
    ]) {
      const stand = await serve(json(fine));
      expect((await read({ url: stand.url })).rows.length).toBeGreaterThan(0);
    }
  });

  it('VA9: is asked for with the query as it stands, but for the paging parameter', async () => {
    const stand = await serve(json({ value: [] }));
    const kept = "a=New%20York&$filter=city%20eq%20'x'&b[]=1;2&c=%zz&skip";
    const sent = async (more: Record<string, unknown>, url = `${stand.url}/?${kept}`) => {
      stand.requests.length = 0;
      await read({ url, ...more });
      return stand.requests[0]?.url;
    };
    const plain = await sent({});
    const offset = { PaginationType: 'Offset', OffsetStartParamName: '$skip', OffsetPageSize: 0 };
    expect(await sent(offset)).toBe(`${plain}&$skip=0`);
    expect(await sent(offset, `${stand.url}/?%24skip=9&${kept}&$skip=8`)).toBe(
      plain?.replace('?', '?$skip=0&'),
    );
    const more = [{ name: '$top', value: 'a b+c,d:e&f' }];
    expect(await sent({ queryParameters: more })).toBe(`${plain}&$top=a%20b%2Bc,d:e%26f`);
    const key = { authSchema: 'apiKey', apiKeyParameter: 'key', apiKey: 'k&1' };
    expect(await sent(key)).toBe(`${plain}&key=k%261`);
  });

  it('VA10: is never a page that was read before, and zero means that there is none', async () => {
    const cycle = await serve((request, response) => {
      const token = query(request).get('pageToken');
      json({ items: [{ id: token ?? 'first' }], nextPageToken: token === 'A' ? 'B' : 'A' })(
        request,
        response,
      );
    });
    const error = await failureOf(read({ url: cycle.url, ...tokens }));
    expect([error.message, cycle.requests.length]).toEqual([
      'The source points to a page that was already read.',
      3,
    ]);
    const zero = await serve((request, response) => {
      const page = Number(query(request).get('page') ?? 0);
      json({ next: page < 2 ? page + 1 : 0, items: [{ id: page }] })(request, response);
    });
    const given = {
      url: zero.url,
      PaginationType: 'NextPage',
      NextPageFieldPath: 'next',
      NextPageInitialValue: 0,
    };
    expect((await read(given)).rows.map(([id]) => id)).toEqual([0, 1, 2]);
    const cursor = await serve(json({ items: [{ id: 1 }], next: 0 }));
    const byToken = { url: cursor.url, PaginationType: 'NextToken', NextTokenFieldPath: 'next' };
    expect((await read(byToken)).rows).toHaveLength(1);
  });

  it('VA10: is the end where the connection says that a 404 is, and else the remedy says how', async () => {
    const stand = await serve((request, response) => {
      const page = Number(query(request).get('page') ?? 1);
      if (page > 2) response.writeHead(404).end();
      else json({ items: [{ id: page }] })(request, response);
    });
    const given = { url: stand.url, PaginationType: 'NextPage' };
    expect((await read({ ...given, PaginationEndsAt404: true })).rows).toHaveLength(2);
    expect((await failureOf(read(given))).remedy).toContain('PaginationEndsAt404');
    const gone = await failureOf(read({ ...given, NextPageInitialValue: 9, PaginationEndsAt404: true }));
    expect(gone.kind).toBe('not_found');
  });

  it('Q: is asked for by Qlik’s names, in the query or in headers', async () => {
    const all = Array.from({ length: 5 }, (_, id) => ({ id }));
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('start') ?? request.headers['x-start']);
      const count = Number(query(request).get('count') ?? request.headers['x-count']);
      json({ Total: 5, data: all.slice(start, start + count), other: [{ a: 1 }] })(request, response);
    });
    const common = {
      url: stand.url,
      PaginationType: 'Offset',
      OffsetStartFieldValue: '0',
      OffsetCountValue: '2',
    };
    const paths = { OffsetTotalPath: 'root/Total', OffsetDataPath: 'root/data' };
    for (const names of [
      { OffsetStartField: 'start', OffsetCountFieldName: 'count', IsOffsetStartFieldHeader: 'false' },
      {
        ...{ OffsetStartField: 'X-Start', OffsetCountFieldName: 'X-Count' },
        ...{ IsOffsetStartFieldHeader: 'true', IsOffsetCountFieldHeader: 'true' },
      },
    ]) {
      stand.requests.length = 0;
      const { rows } = await read({ ...common, ...paths, ...names });
      expect([rows.length, stand.requests.length]).toEqual([5, 4]);
    }
  });

  it.each([
    ['that is the size of the page', (start: number) => ({ total: start === 0 ? 2 : 1 }), 3],
    ['that is too low', () => ({ total: 1 }), 3],
    ['that is right', () => ({ total: 3 }), 3],
    ['that is capped', () => ({ total: 2 }), 3],
    ['that is absent', () => ({}), 3],
  ])('VA2: a total %s loses no row', async (_title, totalAt, requests) => {
    const all = [{ id: 0 }, { id: 1 }, { id: 2 }];
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('offset'));
      json({ ...totalAt(start), rows: all.slice(start, start + (start === 0 ? 2 : 1)) })(request, response);
    });
    const { rows } = await read({ url: stand.url, PaginationType: 'Offset', OffsetTotalPath: 'total' });
    expect([rows.length, stand.requests.length]).toEqual([3, requests]);
  });

  it('VA2: a total beyond the rows, or one that is not a count, is reported', async () => {
    const answer =
      (total: unknown): Handler =>
      (request, response) =>
        json({ total, rows: query(request).get('offset') === '0' ? [{ id: 1 }] : [] })(request, response);
    const given = { PaginationType: 'Offset', OffsetTotalPath: 'total' };
    const lying = await serve(answer(5));
    expect((await failureOf(read({ url: lying.url, ...given }))).message).toBe(
      'The source reports 5 rows, but sent 1 before an empty page.',
    );
    for (const total of ['many', { value: 1 }, -1, 1.5]) {
      const stand = await serve(answer(total));
      expect((await failureOf(read({ url: stand.url, ...given }))).kind).toBe('invalid_config');
    }
  });
});
