import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { type Compare, type Filter, parse } from 'scim2-parse-filter';
import { InvalidRequest } from '../errors/app-error.js';

// SCIM filters (RFC 7644 section 3.4.2.2) as conditions in SQL. The grammar is the library's; what an attribute
// means, and every limit, is decided here.

/** A column that a filter may name. Instants are stored as ISO 8601 text in UTC with milliseconds. */
export interface FilterColumn {
  /** `table.column` or `column`, or an expression in its place. */
  column: string | RawBuilder<unknown>;
  kind: 'text' | 'instant';
}

/** By attribute name in lower case: SCIM attribute names are case-insensitive. */
export type FilterColumns = Readonly<Record<string, FilterColumn>>;

const lengthMax = 4096;
const depthMax = 16;
const conditionsMax = 100;

const ordering = { gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

type Condition = RawBuilder<SqlBool>;

const invalid = (message: string): InvalidRequest => new InvalidRequest([{ field: 'filter', message }]);

/** Limits the recursion of the parser and of the database. */
function assertShallow(text: string): void {
  let depth = 0;
  let negations = 0;
  const withoutTexts = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  for (const [token] of withoutTexts.matchAll(/[([\])]|\bnot\b/gi)) {
    if (token === '(' || token === '[') depth += 1;
    else if (token === ')' || token === ']') depth -= 1;
    else negations += 1;
    if (depth > depthMax || negations > conditionsMax) {
      throw invalid(`must not nest deeper than ${depthMax} levels`);
    }
  }
}

const notText = (): InvalidRequest =>
  invalid(
    'has a string that is not valid JSON, or a character that no name has: write " as \\" and \\ as \\\\',
  );

/**
 * Strings are JSON strings (RFC 7644 section 3.4.2.2). The library decodes only some escapes, so each string is
 * replaced by a number.
 */
function withNumberedTexts(text: string): { numbered: string; texts: string[] } {
  const texts: string[] = [];
  const numbered = text.replace(/"(?:[^"\\]|\\.)*"/g, (literal) => {
    let value: string;
    try {
      value = JSON.parse(literal) as string;
    } catch {
      throw notText();
    }
    // No attribute name contains either.
    if (/[\p{Cc}\p{Cs}]/u.test(value)) throw notText();
    return `"${texts.push(value) - 1}"`;
  });
  return { numbered, texts };
}

function withTexts(filter: Filter, texts: readonly string[]): Filter {
  switch (filter.op) {
    case 'and':
    case 'or':
      return { ...filter, filters: filter.filters.map((part) => withTexts(part, texts)) };
    case 'not':
      return { ...filter, filter: withTexts(filter.filter, texts) };
    case '[]':
    case 'pr':
      return filter;
    default: {
      const { compValue } = filter;
      return typeof compValue === 'string'
        ? { ...filter, compValue: texts[Number(compValue)] ?? '' }
        : filter;
    }
  }
}

/** @throws InvalidRequest naming `filter` */
export function parseFilter(text: string): Filter {
  if (Buffer.byteLength(text, 'utf8') > lengthMax)
    throw invalid(`must not be longer than ${lengthMax} bytes`);
  // The grammar has no control characters, and the library's pattern for texts backtracks on line feeds.
  if (/\p{Cc}/u.test(text)) throw invalid('must not contain control characters');
  assertShallow(text);
  const { numbered, texts } = withNumberedTexts(text);
  try {
    return withTexts(parse(numbered), texts);
  } catch {
    throw invalid(
      'is not a SCIM filter, for instance: name co "sales" and created gt "2026-01-31T00:00:00Z"',
    );
  }
}

function columnOf(path: string, columns: FilterColumns): FilterColumn {
  const name = path.toLowerCase();
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (!column) {
    throw invalid(`cannot use ${path.slice(0, 64)}; known attributes: ${Object.keys(columns).join(', ')}`);
  }
  return column;
}

/** The value in the format of stored instants, so that they compare as text. */
function instantOf(value: Compare['compValue'], attribute: string): string {
  const at =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)
      ? Date.parse(value)
      : Number.NaN;
  if (Number.isNaN(at)) {
    throw invalid(`${attribute} must be compared with a time such as "2026-01-31T00:00:00Z"`);
  }
  return new Date(at).toISOString();
}

const patternOf = {
  co: (text: string) => `%${text}%`,
  sw: (text: string) => `${text}%`,
  ew: (text: string) => `%${text}`,
};

const refTo = (column: FilterColumn['column']): RawBuilder<unknown> =>
  typeof column === 'string' ? sql.ref(column) : column;

/** Never NULL, so that `not` of it works as expected. */
function compare(filter: Compare, { column, kind }: FilterColumn): Condition {
  const { op, attrPath, compValue } = filter;
  const attribute = attrPath.slice(0, 64);
  const ref = refTo(column);
  if (compValue === null) {
    if (op === 'eq') return sql`${ref} is null`;
    if (op === 'ne') return sql`${ref} is not null`;
    throw invalid(`${attribute}: only eq and ne compare with null`);
  }
  if (kind === 'text' && typeof compValue !== 'string') {
    throw invalid(`${attribute} must be compared with a text in double quotes`);
  }
  // The database folds both sides, so that both are folded alike.
  const left = kind === 'text' ? sql`lower(${ref})` : ref;
  const value = kind === 'text' ? String(compValue).normalize('NFC') : instantOf(compValue, attribute);
  const right = kind === 'text' ? sql`lower(${value})` : sql`${value}`;
  switch (op) {
    case 'eq':
      return sql`(${ref} is not null and ${left} = ${right})`;
    case 'ne':
      return sql`(${ref} is null or ${left} <> ${right})`;
    case 'co':
    case 'sw':
    case 'ew': {
      if (kind === 'instant') throw invalid(`${attribute} is a time; ${op} compares texts`);
      const pattern = patternOf[op](value.replace(/[\\%_]/g, '\\$&'));
      return sql`(${ref} is not null and ${left} like lower(${pattern}) escape '\\')`;
    }
    default:
      return sql`(${ref} is not null and ${left} ${sql.raw(ordering[op])} ${right})`;
  }
}

/**
 * A filter as a condition for Kysely's `where`. Strings compare case-insensitively (ASCII on SQLite); an absent value
 * equals only `null`.
 * @throws InvalidRequest naming `filter`: bad syntax, an unknown attribute, a value of the wrong kind, more than
 * 4,096 bytes, 16 levels or 100 conditions.
 */
export function scimCondition(filterText: string, columns: FilterColumns): () => Expression<SqlBool> {
  let conditions = 0;
  const build = (filter: Filter): Condition => {
    switch (filter.op) {
      case 'and':
      case 'or': {
        const parts = filter.filters.map(build);
        return sql`(${sql.join(parts, filter.op === 'and' ? sql` and ` : sql` or `)})`;
      }
      case 'not':
        return sql`not (${build(filter.filter)})`;
      case '[]':
        throw invalid('value paths in [ ] are not offered here');
      case 'pr': {
        const { column } = columnOf(filter.attrPath, columns);
        return sql`(${refTo(column)} is not null and ${refTo(column)} <> '')`;
      }
      default:
        conditions += 1;
        if (conditions > conditionsMax) throw invalid(`must not hold more than ${conditionsMax} comparisons`);
        return compare(filter, columnOf(filter.attrPath, columns));
    }
  };
  const condition = build(parseFilter(filterText));
  return () => condition;
}
