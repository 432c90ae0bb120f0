import type { Filter } from 'scim2-parse-filter';
import { parseFilter } from './scim-filter.js';

/** A comparison that every row meets which the filter finds. */
export interface RequiredText {
  op: 'eq' | 'sw' | 'co';
  text: string;
}

/** The most selective first. */
const ranks = ['eq', 'sw', 'co'] as const;

function requiredOf(filter: Filter, attribute: string): RequiredText[] {
  if (filter.op === 'and') return filter.filters.flatMap((part) => requiredOf(part, attribute));
  if (!('compValue' in filter) || filter.attrPath.toLowerCase() !== attribute) return [];
  const { op, compValue } = filter;
  if (typeof compValue !== 'string') return [];
  const text = compValue.normalize('NFC');
  if (op === 'eq' || op === 'sw' || op === 'co') return [{ op, text }];
  return op === 'ew' ? [{ op: 'co', text }] : [];
}

/**
 * The most selective comparison of an attribute that holds for everything the filter finds, so that an index can be
 * asked first; undefined where there is none, as within `or` and `not`.
 * @throws InvalidRequest naming `filter`
 */
export function requiredText(filterText: string, attribute: string): RequiredText | undefined {
  const found = requiredOf(parseFilter(filterText), attribute.toLowerCase());
  return found.toSorted((a, b) => ranks.indexOf(a.op) - ranks.indexOf(b.op))[0];
}
