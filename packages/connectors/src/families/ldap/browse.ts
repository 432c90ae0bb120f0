import { ConnectorError } from '../../interface/errors.js';
import type { Path } from '../../interface/plan.js';
import type { BrowseRequest, Item, Page } from '../../interface/session.js';
import type { Directory } from './directory.js';

/** A relative distinguished name (RFC 4514 section 2), in which a comma is escaped. */
const firstRdn = /^(?:\\.|[^\\,])+/s;

/**
 * The name of an entry, whose path has its relative names from the base down.
 * @throws ConnectorError `not_found` for a segment that is not one relative name
 */
export function dnOf(path: Path, base: string): string {
  for (const segment of path) {
    if (firstRdn.exec(segment)?.[0] === segment && segment.includes('=')) continue;
    throw new ConnectorError(
      'not_found',
      'The path has a segment that is not a relative distinguished name.',
      {
        remedy: 'Use a path from browse: ["ou=users"].',
      },
    );
  }
  return [...path.toReversed(), base].join(',');
}

/**
 * A page of the children of an entry. Directories have no order, and a cookie of theirs is worth nothing in another session:
 * each page lists from the start.
 */
export async function listEntries(
  directory: Directory,
  base: string,
  { path, limit, page }: BrowseRequest,
): Promise<Page<Item>> {
  const from = Number(page ?? 0);
  if (!Number.isSafeInteger(from) || from < 0)
    throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
  const items: Item[] = [];
  let at = 0;
  for await (const entries of directory.pages(dnOf(path, base), 'one', ['hasSubordinates'])) {
    for (const { dn, attributes } of entries) {
      at += 1;
      if (at <= from) continue;
      if (items.length === limit) return { items, next: String(from + limit) };
      const name = firstRdn.exec(dn)?.[0] ?? dn;
      // Servers that do not say may have entries below.
      const container = String(attributes.get('hasSubordinates')?.[0] ?? 'TRUE') === 'TRUE';
      const kind = container ? 'folder' : 'resource';
      items.push({ name, kind, path: [...path, name], readable: container, container });
    }
  }
  return { items };
}
