import { expect } from 'vitest';

interface Page<Item> {
  data: { data?: readonly Item[] };
  next?: () => Promise<Page<Item>>;
  prev?: () => Promise<Page<Item>>;
}

/**
 * Follows the links of a list of at least two items to its end and back.
 * @param first the first page, of one item
 * @param idOf identity of an item
 * @returns the ids in the list's order
 */
export async function walkPages<Item>(first: Page<Item>, idOf: (item: Item) => unknown): Promise<unknown[]> {
  const ids = (page: Page<Item>) => (page.data.data ?? []).map(idOf);
  const pages = [first];
  for (let next = first.next; next; next = pages.at(-1)?.next) pages.push(await next());
  expect(pages.length).toBeGreaterThan(1);
  expect(first.prev).toBeUndefined();
  const forwards = pages.map(ids);
  const backwards: unknown[][] = [];
  for (let prev = pages.at(-1)?.prev; prev; ) {
    const page = await prev();
    backwards.unshift(ids(page));
    prev = page.prev;
  }
  expect(backwards).toEqual(forwards.slice(0, -1));
  const all = forwards.flat();
  expect(new Set(all).size).toBe(all.length);
  return all;
}
