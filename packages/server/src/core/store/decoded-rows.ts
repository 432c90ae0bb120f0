import type { ConnectionTable, UserTable } from './tables.js';

// JSON columns of rows, decoded. Rows themselves stay as the store has them: their bytes make the ETag.

/** Properties of a connection as they are stored: defaults applied, never a secret. */
export type Definition = Readonly<Record<string, unknown>>;

/** By row object: one use asks several times, and certificates make a definition large. */
const definitions = new WeakMap<object, Definition>();

/** @throws SyntaxError */
export function definitionOf(row: Pick<ConnectionTable, 'properties'>): Definition {
  const known = definitions.get(row);
  if (known) return known;
  const definition = Object.freeze(JSON.parse(row.properties) as Record<string, unknown>);
  definitions.set(row, definition);
  return definition;
}

/** Names of the properties that requests have set; undefined for rows of 0.1.0, which did not keep them. */
export const setNamesOf = ({
  set_names,
}: Pick<ConnectionTable, 'set_names'>): readonly string[] | undefined =>
  set_names === null ? undefined : (JSON.parse(set_names) as string[]);

export const tagsOf = ({ tags }: Pick<ConnectionTable, 'tags'>): string[] => JSON.parse(tags) as string[];

/** Tenant roles. */
export const rolesOf = ({ roles }: Pick<UserTable, 'roles'>): string[] => JSON.parse(roles) as string[];
