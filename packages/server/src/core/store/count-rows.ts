import type { SelectQueryBuilder } from 'kysely';

/** How many rows the statement matches. */
export async function countRows<Schema, Name extends keyof Schema, Row>(
  statement: SelectQueryBuilder<Schema, Name, Row>,
): Promise<number> {
  const counting = statement.clearSelect().select((eb) => eb.fn.countAll().as('count'));
  const { count } = (await counting.executeTakeFirstOrThrow()) as { count: number | string | bigint };
  return Number(count);
}
