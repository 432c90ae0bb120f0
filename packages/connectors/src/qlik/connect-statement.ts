import { coerceScalar, innermost } from '@mooring/contract/values';
import { z } from 'zod';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { metaOf } from '../kit/properties.js';
import { isProviderOf, qlikNamesOf } from './names.js';
import { choiceSchema } from './separated.js';

// Connect statements in Qlik's form: `CUSTOM CONNECT TO "provider=…;sourceType=…;key=value;"` (QLIK.md 2.4). Written
// strictly, so that they read back unchanged; parsed leniently, as found in the wild.

/**
 * A value with characters that would end it is put in braces, with closing braces doubled, as in ODBC connection
 * strings.
 */
function quoted(text: string): string {
  return /[;="'{}\s]/.test(text) ? `{${text.replaceAll('}', '}}')}}` : text;
}

const isOfDefinition = (manifest: SourceManifest, name: string): boolean =>
  (metaOf(manifest, name).holder ?? 'definition') === 'definition';

/**
 * The connect statement of a definition. Contains only properties that the definition holds, so no secrets. Lists are
 * written as JSON.
 * @param definition without the certificates if they are to be omitted
 */
export function writeConnectStatement(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
  isSeparated: boolean,
): string {
  const { provider, statementProvider = provider, sourceProperty } = qlikNamesOf(manifest);
  const pairs: [string, string][] = [['provider', statementProvider]];
  if (sourceProperty) pairs.push([sourceProperty, manifest.id]);
  for (const name of Object.keys(manifest.properties.shape)) {
    const value = definition[name];
    if (value === undefined || !isOfDefinition(manifest, name)) continue;
    pairs.push([name, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
  if (isSeparated) pairs.push(['separateCredentials', 'true']);
  const text = pairs.map(([key, value]) => `${key}=${quoted(value)};`).join('');
  return `CUSTOM CONNECT TO "${text.replaceAll('"', '""')}"`;
}

/** A parsed statement: the source that it names, and everything else as text. */
export interface StatementParts {
  provider?: string;
  /** Data source id, if the statement names one. */
  source?: string;
  /** The other keys as spelled, with their unquoted values. */
  values: Map<string, string>;
}

const opening = /^\s*(?:(?:CUSTOM|ODBC|OLEDB|LIB)\s+)?CONNECT(?:32|64)?\s+TO\s+/i;

/** The text between the outer quotes, or the whole text without them. */
function bodyOf(statement: string): string {
  const text = statement.replace(opening, '').trim().replace(/;$/, '').trimEnd();
  for (const quote of ['"', "'"]) {
    if (text.length >= 2 && text.startsWith(quote) && text.endsWith(quote)) {
      return text.slice(1, -1).replaceAll(quote + quote, quote);
    }
  }
  return text;
}

const blankToEnd = /\s*(?:;|$)/y;

/** Index after the closing mark if only spaces follow it before the next `;`. */
function endsAt(body: string, close: number): number | undefined {
  blankToEnd.lastIndex = close + 1;
  return blankToEnd.test(body) ? blankToEnd.lastIndex : undefined;
}

/** A value in braces or quotes, with its mark doubled inside; undefined if it has another form. */
function readMarked(body: string, start: number): { value: string; next: number } | undefined {
  const mark = { '{': '}', '"': '"', "'": "'" }[body[start] ?? ''];
  if (mark === undefined) return undefined;
  for (let at = body.indexOf(mark, start + 1); at >= 0; at = body.indexOf(mark, at + 1)) {
    if (body[at + 1] === mark) {
      at += 1;
      continue;
    }
    const next = endsAt(body, at);
    if (next !== undefined) return { value: body.slice(start + 1, at).replaceAll(mark + mark, mark), next };
  }
  return undefined;
}

function readValue(body: string, start: number): { value: string; next: number } {
  const blanks = /\s*/y;
  blanks.lastIndex = start;
  blanks.test(body);
  const marked = readMarked(body, blanks.lastIndex);
  if (marked) return marked;
  const semicolon = body.indexOf(';', start);
  const end = semicolon < 0 ? body.length : semicolon;
  return { value: body.slice(start, end).trim(), next: end + 1 };
}

const statementProblem = (message: string): PropertyProblem => ({ property: 'qConnectStatement', message });

/**
 * Parses a statement without knowing its source. Accepts double, single or no outer quotes, spaces around keys and
 * values, a trailing `;`, values in braces or quotes. A problem's message never contains a value.
 */
export function readConnectStatement(
  statement: string,
): { ok: true; parts: StatementParts } | { ok: false; problems: PropertyProblem[] } {
  const body = bodyOf(statement);
  const parts: StatementParts = { values: new Map() };
  const problems: PropertyProblem[] = [];
  const spellings = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    if (/[\s;]/.test(body[at] ?? '')) {
      at += 1;
      continue;
    }
    const equals = body.indexOf('=', at);
    const semicolon = body.indexOf(';', at);
    if (equals < 0 || (semicolon >= 0 && semicolon < equals)) {
      problems.push(statementProblem('must be a list of key=value; pairs'));
      break;
    }
    const key = body.slice(at, equals).trim();
    const { value, next } = readValue(body, equals + 1);
    at = next;
    const earlier = spellings.get(key.toLowerCase());
    if (earlier !== undefined && earlier !== value)
      problems.push(statementProblem(`gives ${key.slice(0, 64)} twice with different values`));
    if (earlier !== undefined) continue;
    spellings.set(key.toLowerCase(), value);
    parts.values.set(key, value);
  }
  if (problems.length > 0) return { ok: false, problems };
  for (const key of [...parts.values.keys()]) {
    const lower = key.toLowerCase();
    if (lower !== 'provider' && lower !== 'sourcetype' && lower !== 'driver') continue;
    parts[lower === 'provider' ? 'provider' : 'source'] = parts.values.get(key) ?? '';
    parts.values.delete(key);
  }
  return { ok: true, parts };
}

/** Qlik's REST lists: name and value are joined by `%2`, pairs by `%1`. */
const pairList = (text: string): { name: string; value: string }[] =>
  text.split('%1').flatMap((pair) => {
    if (pair === '') return [];
    const [name = '', ...value] = pair.split('%2');
    return [{ name, value: value.join('%2') }];
  });

/** The value in the type of its schema; unparsable text stays text, for validation to report. */
function typed(schema: z.ZodType | undefined, text: string): unknown {
  const kind = schema && innermost(schema);
  if (schema && kind instanceof z.ZodBoolean) return coerceScalar(schema, text);
  if (kind instanceof z.ZodNumber && /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (!(kind instanceof z.ZodArray || kind instanceof z.ZodObject || kind instanceof z.ZodRecord))
    return text;
  if (/^[[{]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  }
  return kind instanceof z.ZodArray ? pairList(text) : text;
}

const isSecret = (manifest: SourceManifest, name: string): boolean =>
  Object.hasOwn(manifest.properties.shape, name)
    ? metaOf(manifest, name).secret === true
    : name === 'authCode';

/**
 * A statement as `connectionProperties`, for {@link parseConnectionProperties} to validate. Accepts the provider names of both
 * the statement and the connection type. A secret is a problem that names its property, because statements are visible.
 */
export function parseConnectStatement(
  manifest: SourceManifest,
  statement: string,
): { ok: true; properties: Record<string, unknown> } | { ok: false; problems: PropertyProblem[] } {
  const read = readConnectStatement(statement);
  if (!read.ok) return read;
  const { provider, source, values } = read.parts;
  const problems: PropertyProblem[] = [];
  if (provider && !isProviderOf(manifest, provider))
    problems.push(statementProblem(`does not name the provider of ${manifest.id}`));
  if (source && source.toLowerCase() !== manifest.id.toLowerCase())
    problems.push(statementProblem(`names a different data source than ${manifest.id}`));
  const shape: Record<string, z.ZodType> = { ...choiceSchema.shape, ...manifest.properties.shape };
  const known = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  const properties: Record<string, unknown> = Object.create(null);
  for (const [key, text] of values) {
    const name = known.get(key.toLowerCase());
    if (!isSecret(manifest, name ?? key)) {
      properties[name ?? key] = typed(name === undefined ? undefined : shape[name], text);
    } else if (text !== '') {
      problems.push(
        statementProblem(`must not contain the secret ${name ?? key}; statements are visible to others`),
      );
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, properties };
}
