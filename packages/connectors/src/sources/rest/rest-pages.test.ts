import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { allBatches, failureOf } from '../../suite/bench.js';

import { inputOf, json, open, read, serve } from './test-stand.js';

describe('rest pages', () => {
  const all = Array.from({ length: 25 }, (_, index) => ({ id: index }));
  const ids = all.map(({ id }) => [id, null]);
  const query = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://x').searchParams;

  it.each([
    ['until a page is empty', {}, 4],
    ['until the page behind the total', { OffsetTotalPath: '/total' }, 4],
  ])('by Offset %s, by the rows that came', async (_title, more, requests) => {
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('skip'));
      json({ total: '25', rows: all.slice(start, start + 10) })(request, response);
    });
    const { rows, columns } = await read({
      url: stand.url,
      PaginationType: 'Offset',
      OffsetStartParamName: 'skip',
      OffsetPageSize: 50,
      ...more,
    });
    expect(rows).toEqual(ids);
    expect(columns[0]?.type).toBe('float');
    expect(stand.requests).toHaveLength(requests);
    expect(stand.requests[1]?.url).toBe('/?limit=50&skip=10');
  });

  it('by NextPage, counted or named by the answer', async () => {
    const stand = await serve((request, response) => {
      const page = Number(query(request).get('page'));
      const rows = all.slice((page - 1) * 10, page * 10);
      json({ rows, next: page < 3 ? page + 1 : null })(request, response);
    });
    const common = { url: stand.url, PaginationType: 'NextPage', dataPath: 'rows' };
    expect((await read(common)).rows).toEqual(ids);
    expect(stand.requests).toHaveLength(4);
    expect((await read({ ...common, NextPageFieldPath: '/next' })).rows).toEqual(ids);
    expect(stand.requests).toHaveLength(7);
  });

  it('by NextToken from the body or a header', async () => {
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('pageToken') ?? 0);
      const token = start + 10 < 25 ? String(start + 10) : '';
      const headers = token ? { 'x-next': token } : {};
      json({ rows: all.slice(start, start + 10), nextPageToken: token }, headers)(request, response);
    });
    const common = { url: stand.url, PaginationType: 'NextToken', dataPath: 'rows' };
    expect((await read(common)).rows).toEqual(ids);
    const header = { NextTokenFieldPath: 'X-Next', IsNextTokenFieldPathHeader: 'true' };
    expect((await read({ ...common, ...header })).rows).toEqual(ids);
  });

  it('by NextUrl from the body or a Link header, relative or absolute', async () => {
    const stand = await serve((request, response) => {
      const start = Number(query(request).get('from') ?? 0);
      const more = start + 10 < 25;
      const next = start === 0 ? `${stand.url}/?from=10` : `?from=${start + 10}`;
      const link = `<${stand.url}/?from=0>; rel="first", <${next}>; rel="next"`;
      const headers = more ? { link } : {};
      json({ rows: all.slice(start, start + 10), next: more ? next : null }, headers)(request, response);
    });
    const common = { url: stand.url, PaginationType: 'NextUrl', dataPath: 'rows' };
    expect((await read(common)).rows).toEqual(ids);
    const header = { NextUrlFieldPath: 'Link', IsNextUrlFieldPathHeader: true };
    expect((await read({ ...common, ...header })).rows).toEqual(ids);
  });

  it('only the pages that its reader takes', async () => {
    const stand = await serve((request, response) =>
      json({ rows: all.slice(0, 10), next: `/?p=${stand.requests.length}` })(request, response),
    );
    const { session } = await open(inputOf({ url: stand.url, PaginationType: 'NextUrl' }));
    const limited = await session.read({ path: [], batchRows: 4, limit: 10 });
    expect((await allBatches(limited)).map((batch) => batch.length)).toEqual([4, 4, 2]);
    expect(stand.requests).toHaveLength(1);
    for await (const _batch of (await session.read({ path: [], batchRows: 10 })).batches) break;
    expect(stand.requests).toHaveLength(2);
  });

  it('S03 S08: no further than the origin, and sends nothing anywhere else', async () => {
    const canary = await serve(json([]));
    for (const next of [
      `${canary.url}/steal`,
      `//127.0.0.1:${canary.port}/`,
      'file:///etc/passwd',
      'http://a@b/',
    ]) {
      const stand = await serve(json({ rows: [{ a: 1 }], next }));
      const error = await failureOf(read({ url: stand.url, PaginationType: 'NextUrl' }));
      expect(error.kind).toBe('protocol_error');
      expect(error.message).not.toContain('127.0.0.1');
    }
    for (const status of [301, 302, 303, 307, 308]) {
      const stand = await serve((_request, response) =>
        response.writeHead(status, { location: `${canary.url}/steal` }).end(),
      );
      expect((await failureOf(read({ url: stand.url }))).kind).toBe('protocol_error');
    }
    expect(canary.requests).toHaveLength(0);
  });

  it('S03: through three redirects of the origin, not through a chain, and never from POST to GET', async () => {
    const stand = await serve((request, response) => {
      const hop = Number(request.url?.slice(1));
      if (hop === 0) return json([{ a: 1 }])(request, response);
      response.writeHead(302, { location: `/${hop - 1}` }).end();
    });
    expect((await read({ url: `${stand.url}/3` })).rows).toHaveLength(1);
    expect((await failureOf(read({ url: `${stand.url}/30` }))).kind).toBe('protocol_error');
    expect((await failureOf(read({ url: `${stand.url}/1`, method: 'POST' }))).kind).toBe('protocol_error');
  });

  it('D14: not for ever when the source ignores the paging', async () => {
    const stand = await serve(json([{ a: 1 }]));
    for (const PaginationType of ['Offset', 'NextPage']) {
      expect((await failureOf(read({ url: stand.url, PaginationType }))).kind).toBe('protocol_error');
    }
    expect(stand.requests).toHaveLength(4);
  });

  it('not on when a column changes its type', async () => {
    const stand = await serve((request, response) => {
      const a = query(request).get('page') === '1' ? 1 : 'secret-value';
      json([{ a }])(request, response);
    });
    const error = await failureOf(read({ url: stand.url, PaginationType: 'NextPage' }));
    expect(error.kind).toBe('protocol_error');
    expect(error.message).not.toContain('secret-value');
  });
});
