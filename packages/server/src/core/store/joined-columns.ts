// Columns of a joined table, selected as `table.column`, so that they do not collide with those of another table.

type Aliased<Table extends string, Column extends string> = Column extends string
  ? `${Table}.${Column} as ${Table}.${Column}`
  : never;

/** For `select`. */
export const columnsOf = <Table extends string, Column extends string>(
  table: Table,
  columns: readonly Column[],
) => columns.map((column) => `${table}.${column} as ${table}.${column}`) as Aliased<Table, Column>[];

/** The columns of one joined table; undefined where the join found no row. */
export function joined<Columns>(row: object, table: string): Columns | undefined {
  const prefix = `${table}.`;
  const entries = Object.entries(row).filter(([name]) => name.startsWith(prefix));
  if (entries.every(([, value]) => value === null)) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value])) as Columns;
}

/** The row without the columns of joined tables. */
export const withoutJoined = <Row extends object>(row: Row) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !name.includes('.'))) as {
    [Name in keyof Row as Name extends `${string}.${string}` ? never : Name]: Row[Name];
  };
