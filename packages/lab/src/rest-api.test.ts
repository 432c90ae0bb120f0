import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabRestApi, startRestApi } from './rest-api.js';
import { sampleItems } from './rest-resources.js';

let lab: LabRestApi;
beforeAll(async () => {
  lab = await startRestApi({
    verifyAccessToken: async (token) =>
      token === 'good' ? { active: true, sub: 'alice' } : { active: false },
  });
});
afterAll(async () => {
  await lab?.close();
});

type Page = { items: { id: number }[]; next?: string | number | null };

interface Answer {
  status: number;
  headers: Headers;
  json: Page;
}

async function getJson(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(lab.url + path, { headers });
  const json = (await response.json().catch(() => null)) as Page;
  return { status: response.status, headers: response.headers, json };
}

describe('the REST API of the lab', () => {
  it('lets each sign-in in with its own secret and nothing else', async () => {
    const basic = `Basic ${Buffer.from(`${lab.basic.username}:${lab.basic.password}`).toString('base64')}`;
    const good: [string, Record<string, string>, string][] = [
      ['anonymous', {}, 'anonymous'],
      ['basic', { authorization: basic }, 'reporter'],
      ['bearer', { authorization: `Bearer ${lab.bearer}` }, 'bearer'],
      ['key', { [lab.apiKey.header]: lab.apiKey.value }, 'key'],
      ['oauth', { authorization: 'Bearer good' }, 'alice'],
    ];
    for (const [signIn, headers, who] of good) {
      expect((await getJson(`/${signIn}/whoami`, headers)).json).toEqual({ who });
      if (signIn === 'anonymous') continue;
      expect((await getJson(`/${signIn}/whoami`)).status).toBe(401);
      expect(
        (await getJson(`/${signIn}/whoami`, { authorization: 'Bearer x', [lab.apiKey.header]: 'x' })).status,
      ).toBe(401);
    }
    expect(lab.requests().at(-1)).toMatchObject({
      method: 'GET',
      path: '/oauth/whoami',
      headers: { authorization: 'Bearer x' },
    });
    expect((await getJson('/constructor/whoami')).status).toBe(404);
    expect((await getJson('/anonymous/constructor')).status).toBe(404);
  });

  it('gives all rows exactly once in every paging style', async () => {
    const all = sampleItems.map(({ id }) => id);
    const collect = async (first: string, next: (json: Page, headers: Headers) => string | null) => {
      const ids: number[] = [];
      for (let path: string | null = first; path !== null; ) {
        const answer: Answer = await getJson(path.replace(lab.url, ''));
        const { json, headers } = answer;
        ids.push(...json.items.map((item) => item.id));
        path = next(json, headers);
      }
      return ids;
    };
    let offset = 0;
    const byOffset = await collect('/anonymous/offset?offset=0&limit=7', () => {
      offset += 7;
      return offset < 25 ? `/anonymous/offset?offset=${offset}&limit=7` : null;
    });
    const byPage = await collect('/anonymous/page?page=1&size=10', ({ next }) =>
      next ? `/anonymous/page?page=${next}` : null,
    );
    const byToken = await collect('/anonymous/token', (_, headers) => {
      const token = headers.get('x-next-token');
      return token === null ? null : `/anonymous/token?pageToken=${token}`;
    });
    const byUrl = await collect('/anonymous/next-url', ({ next }) => (next ? String(next) : null));
    for (const ids of [byOffset, byPage, byToken, byUrl]) expect(ids).toEqual(all);
  });

  it('has injected faults', async () => {
    expect((await getJson('/anonymous/faults/401')).status).toBe(401);
    expect((await getJson('/anonymous/faults/500')).status).toBe(500);
    expect((await getJson('/anonymous/faults/429')).headers.get('retry-after')).toBe('7');
    expect((await getJson('/anonymous/faults/html')).headers.get('content-type')).toBe('text/html');
    expect((await getJson('/anonymous/faults/broken')).json).toBeNull();
    const deep = await fetch(`${lab.url}/anonymous/faults/deep?levels=5000`);
    expect(await deep.text()).toHaveLength(10_000);
    const redirect = await fetch(`${lab.url}/anonymous/faults/redirect?to=http://127.0.0.2:1/x`, {
      redirect: 'manual',
    });
    expect(redirect.headers.get('location')).toBe('http://127.0.0.2:1/x');
    await expect(getJson('/anonymous/faults/drop')).rejects.toThrow();
    const huge = await fetch(`${lab.url}/anonymous/faults/huge?megabytes=3`);
    expect(JSON.parse(await huge.text()).length).toBeGreaterThan(2_900);
  });

  it('closes under callers who hang', async () => {
    const other = await startRestApi();
    const hanging = ['hang', 'stall', 'huge?megabytes=1000'].map(async (fault) => {
      const response = await fetch(`${other.url}/anonymous/faults/${fault}`);
      await response.text();
    });
    const outcomes = Promise.allSettled(hanging);
    await expect.poll(() => other.requests().length).toBe(3);
    await Promise.all([other.close(), other.close()]);
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});
