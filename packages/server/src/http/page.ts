import { InvalidRequest } from './app-error.js';

/** Paging of small lists that are sorted by id: the cursor is the last id, opaque to clients. */
export interface Page {
  limit: number;
  afterId?: string;
}

export function readPage(
  query: { limit?: number | undefined; next?: string | undefined },
  limitDefault: number,
): Page {
  const limit = query.limit ?? limitDefault;
  if (query.next === undefined) return { limit };
  const afterId = Buffer.from(query.next, 'base64url').toString('utf8');
  if (!/^[\w-]{1,64}$/.test(afterId)) {
    throw new InvalidRequest([
      { field: 'next', message: 'is not a cursor of this list; follow links.next.href as it is' },
    ]);
  }
  return { limit, afterId };
}

/** Links of such a list: `self`, and `next` when there is more after `lastId`. */
export function nextLink(publicUrl: string, requestUrl: string, lastId: string | undefined) {
  const self = { href: `${publicUrl}${requestUrl}` };
  if (lastId === undefined) return { self };
  const url = new URL(`${publicUrl}${requestUrl}`);
  url.searchParams.set('next', Buffer.from(lastId, 'utf8').toString('base64url'));
  return { self, next: { href: url.href } };
}
