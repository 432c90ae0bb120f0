import type { Column } from '@mooring/connectors/interface/data-types';

/**
 * Names of the columns, each once: a repeated name gets the first free of `name_2`, `name_3`, … A query may return
 * several columns with one name, which an object or a data frame cannot hold.
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

/** The columns under their names in an answer. */
export function distinctColumns(columns: readonly Column[]): Column[] {
  const names = distinctNames(columns);
  return columns.map((column, position) => ({ ...column, name: names[position] ?? '' }));
}

/** Some proxies limit all headers together to 4 KiB. */
const headerLengthMax = 2048;

/** A value of a header: JSON in ASCII. Undefined where it would be too long. */
export function jsonHeader(value: unknown): string | undefined {
  const ascii = JSON.stringify(value).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return ascii.length <= headerLengthMax ? ascii : undefined;
}
