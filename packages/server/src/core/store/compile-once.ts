import { type CompiledQuery, type DialectAdapter, type RawBuilder, sql } from 'kysely';
import type { Queryable } from './queryable.js';
import type { Tables } from './tables.js';

type Arguments = Readonly<Record<string, string | number | null>>;

/** Placeholder of a value that is known only when the statement runs. */
export type Argument<Args extends Arguments> = <Name extends keyof Args>(
  name: Name,
) => RawBuilder<Args[Name]>;

class Placeholder {
  readonly name: PropertyKey;

  constructor(name: PropertyKey) {
    this.name = name;
  }
}

/**
 * A statement of a hot path: Kysely builds and compiles it once per dialect; later runs only bind other values.
 * Building and compiling costs as much as a point read.
 */
export function compileOnce<Args extends Arguments, Row>(
  build: (db: Queryable, argument: Argument<Args>) => { compile(): CompiledQuery<Row> },
): (db: Queryable, args: Args) => Promise<Row[]> {
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<Row>>();
  return async (db, args) => {
    const { adapter } = db.getExecutor();
    let query = compiled.get(adapter);
    if (!query) {
      query = build(db, (name) => sql`${new Placeholder(name)}`).compile();
      compiled.set(adapter, query);
    }
    const parameters = query.parameters.map((value) =>
      value instanceof Placeholder ? args[value.name as keyof Args] : value,
    );
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  };
}

type Values = Parameters<ReturnType<Queryable['insertInto']>['values']>[0];

/** An insert of a hot path, of complete rows; see {@link compileOnce}. */
export function insertOnce<Table extends keyof Tables>(
  table: Table,
): (db: Queryable, row: Tables[Table]) => Promise<void> {
  let insert: ((db: Queryable, row: Arguments) => Promise<unknown>) | undefined;
  return async (db, row) => {
    const names = Object.keys(row);
    insert ??= compileOnce((into, argument: Argument<Arguments>) =>
      into
        .insertInto(table as keyof Tables)
        .values(Object.fromEntries(names.map((name) => [name, argument(name)])) as Values),
    );
    await insert(db, row as unknown as Arguments);
  };
}
