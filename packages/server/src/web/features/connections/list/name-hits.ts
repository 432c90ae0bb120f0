import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { seesEverything, visibleScopes } from '../../../../core/access/connection-access.js';
import type { RequiredText } from '../../../../core/filter/required-text.js';
import { isPostgres } from '../../../../core/store/dialect.js';
import { foldedPart, foldedStart, nameFold } from '../../../../core/store/name-fold.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import { and, inScopes, type NameBound, type Selection, singleScope, tenantIs } from './selection.js';

// Connections by their folded names, which an index has: a filter on names reads the rows of its hits only. Folding
// unites more than a filter does, so the filter is still applied to what is found.

/** @returns undefined where nothing of the text has a form that is sure */
export function boundOf({ op, text }: RequiredText): NameBound | undefined {
  const folded = { eq: nameFold, sw: foldedStart, co: foldedPart }[op](text);
  return folded === '' ? undefined : { op, text: folded };
}

/** The first text after all that begin with this one, by code points; undefined if there is none. */
function textAfter(start: string): string | undefined {
  const points = [...start].map((character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // No text contains a lone surrogate.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

function meets(db: Queryable, { op, text }: NameBound): RawBuilder<SqlBool> {
  if (op === 'eq') return sql`inside.name_fold = ${text}`;
  if (op === 'co')
    return isPostgres(db)
      ? sql`inside.name_fold like ${`%${text.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`
      : sql`instr(inside.name_fold, ${text}) > 0`;
  const end = textAfter(text);
  return and([
    sql`inside.name_fold >= ${text}`,
    ...(end === undefined ? [] : [sql<SqlBool>`inside.name_fold < ${end}`]),
  ]);
}

/** Ids of the connections in the caller's scopes that meet the bound, from the index that has their names and no other columns. */
export function idsNamed(db: Queryable, selection: Selection, bound: NameBound): RawBuilder<unknown> {
  const isShared = isPostgres(db);
  const by = (index: string) => (isShared ? sql`` : sql` indexed by ${sql.ref(index)}`);
  // As in `rowsAbout`.
  const fence = isShared ? sql` offset 0` : sql``;
  const hits = (index: string) =>
    sql`select inside.id from connection as inside${by(index)}
      where ${and([tenantIs(selection, 'inside'), ...inScopes(selection, 'inside'), meets(db, bound)])}${fence}`;
  if (singleScope(selection) !== undefined) return hits('connection_scope_fold');
  if (seesEverything(selection.caller)) return hits('connection_fold');
  const visible = sql`(${visibleScopes(selection.caller)}) as visible`;
  const isPersonal = selection.personal ? [sql<SqlBool>`substr(visible.scope, 1, 5) = 'user:'`] : [];
  const inside = and([
    tenantIs(selection, 'inside'),
    sql`inside.scope = visible.scope`,
    ...isPersonal,
    meets(db, bound),
  ]);
  return isShared
    ? sql`select hit.id from ${visible} cross join lateral
        (select inside.id from connection as inside where ${inside} offset 0) as hit offset 0`
    : sql`select inside.id from ${visible} cross join connection as inside${by('connection_scope_fold')}
        where ${inside}`;
}
