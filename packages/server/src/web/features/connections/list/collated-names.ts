import { invalidField } from '../../../../core/errors/app-error.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { connectionRows, type Page } from './connection-store.js';
import { selectedNames } from './selected-rows.js';
import type { Selection } from './selection.js';

// Names in the order of a locale. The stores lack ICU collations, so short lists are sorted in memory. Longer lists are
// in the order of the folded names, which are stored.

/** A list with more connections than this is sorted by folded names. */
export const collatedMax = 2000;
/** A list that is paged in the order of a locale may grow up to here. */
const collatedEnd = 5 * collatedMax;

/**
 * Ignores case, not accents, by Intl.Collator for the locale. Accepts ICU's spelling with `_`.
 * @throws InvalidRequest naming `locale`
 */
export function collatorOf(locale: string): Intl.Collator {
  try {
    return new Intl.Collator([locale.replaceAll('_', '-'), 'en'], { usage: 'sort', sensitivity: 'accent' });
  } catch {
    throw invalidField('locale', 'must be a locale such as en, de or sv-SE');
  }
}

/** One page in the order of a locale; equal names are sorted by id. */
export async function listCollated(
  db: Queryable,
  selection: Selection,
  page: Page,
  locale: string,
): Promise<ConnectionTable[]> {
  const collator = collatorOf(locale);
  const { limit, position } = page;
  const isReversed = position?.direction === 'prev';
  const sign = page.order.isDescending !== isReversed ? -1 : 1;
  const byId = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const compare = (a: { id: string; name: string }, b: { id: string; name: string }) =>
    sign * (collator.compare(a.name, b.name) || byId(a.id, b.id));
  const read = async (tx: Queryable) => {
    const names = await selectedNames(tx, selection, limit === undefined ? undefined : collatedEnd + 1);
    if (limit !== undefined && names.length > collatedEnd) {
      throw invalidField(
        'page',
        'the list has grown too long for the order of a locale; restart from the first page',
      );
    }
    const sorted = names.toSorted(compare);
    const from = position && { id: position.keyset.id, name: position.keyset.value };
    const start = from ? sorted.findIndex((name) => compare(name, from) > 0) : 0;
    const found = start < 0 ? [] : sorted.slice(start, limit === undefined ? undefined : start + limit);
    const ids = found.map((name) => name.id);
    const rows = await connectionRows(tx, selection, ids);
    return isReversed ? rows.toReversed() : rows;
  };
  // One transaction, so that a row cannot be deleted between reading its name and its other columns.
  if (db.isTransaction) return read(db);
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute((tx) => read(Object.assign(tx, { clock: db.clock })));
}
