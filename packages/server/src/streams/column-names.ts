import type { Column } from '@mooring/connectors/spec/data-types';

/**
 * Names of the columns, each once: a repeated name gets the first free of `name_2`, `name_3`, …
 * A query may answer with several columns of one name, which an object or a data frame cannot hold.
 */
export function distinctNames(columns: readonly Column[]): string[] {
  const given = new Set(columns.map(({ name }) => name));
  const used = new Set<string>();
  const nextNumber = new Map<string, number>();
  return columns.map(({ name }) => {
    let distinct = name;
    let number = nextNumber.get(name) ?? 2;
    while (used.has(distinct) || (distinct !== name && given.has(distinct))) {
      distinct = `${name}_${number}`;
      number += 1;
    }
    nextNumber.set(name, number);
    used.add(distinct);
    return distinct;
  });
}
