import { DoubledName } from '../../kit/json/exact.js';
import {
  isArraySpan,
  isNullSpan,
  isObjectSpan,
  itemsOf,
  type JsonSpan,
  membersOf,
} from '../../kit/json/spans.js';

/** The path of the document itself. */
export const wholeAnswer = '$';

/** What Qlik's connector calls the document: its paths start with it, as in `root/Total`. */
const rootName = 'root';

function itemAt(list: JsonSpan, segment: string): JsonSpan | undefined {
  if (!/^\d{1,9}$/.test(segment)) return undefined;
  let left = Number(segment);
  for (const item of itemsOf(list)) {
    if (left === 0) return item;
    left -= 1;
  }
  return undefined;
}

/** Members whose name is the path or a prefix of it, longest name first. */
function membersOnPath(object: JsonSpan, path: string, separator: string): (readonly [string, JsonSpan])[] {
  const found: (readonly [string, JsonSpan])[] = [];
  for (const member of membersOf(object)) {
    const [name] = member;
    if (path !== name && !path.startsWith(name + separator)) continue;
    if (found.some(([other]) => other === name)) throw new DoubledName(name);
    found.push(member);
  }
  return found.toSorted(([left], [right]) => right.length - left.length);
}

/** Names may contain the separator: `@odata.nextLink` is one name if such a member exists. */
function follow(from: JsonSpan, path: string, separator: string): JsonSpan | undefined {
  if (isArraySpan(from)) {
    const [segment = '', ...rest] = path.split(separator);
    const item = itemAt(from, segment);
    if (item === undefined || rest.length === 0) return item;
    return follow(item, rest.join(separator), separator);
  }
  if (!isObjectSpan(from)) return undefined;
  for (const [name, value] of membersOnPath(from, path, separator)) {
    const found =
      path === name ? value : follow(value, path.slice(name.length + separator.length), separator);
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberAt(object: JsonSpan, name: string): JsonSpan | undefined {
  let found: JsonSpan | undefined;
  for (const [other, value] of membersOf(object)) {
    if (other !== name) continue;
    if (found !== undefined) throw new DoubledName(name);
    found = value;
  }
  return found;
}

function pointedAt(document: JsonSpan, pointer: string): JsonSpan | undefined {
  let current: JsonSpan | undefined = document;
  for (const escaped of pointer.slice(1).split('/')) {
    if (current === undefined) return undefined;
    const segment = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    if (isArraySpan(current)) current = itemAt(current, segment);
    else current = isObjectSpan(current) ? memberAt(current, segment) : undefined;
  }
  return current;
}

/**
 * The value at a JSON pointer (RFC 6901), or at names joined by dots or slashes; `$` and `root` are the document. A
 * member whose name equals the whole path takes precedence over its parts. Undefined if there is none.
 * @throws DoubledName where an object on the path repeats the name
 */
export function lookup(document: JsonSpan | undefined, path: string): JsonSpan | undefined {
  if (document === undefined || path === '' || path === wholeAnswer) return document;
  if (path.startsWith('/')) return pointedAt(document, path);
  const found = follow(document, path, '.') ?? (path.includes('/') ? follow(document, path, '/') : undefined);
  if (found !== undefined || (path !== rootName && !path.startsWith(`${rootName}/`))) return found;
  return path === rootName ? document : lookup(document, path.slice(rootName.length + 1));
}

/** The last object that exists along a path, starting with the document. */
export function deepestObject(document: JsonSpan, path: string): JsonSpan {
  const separator = path.includes('/') ? '/' : '.';
  const segments = path.replace(/^\//, '').split(separator);
  for (let count = segments.length - 1; count > 0; count -= 1) {
    const prefix = (path.startsWith('/') ? '/' : '') + segments.slice(0, count).join(separator);
    const found = lookup(document, prefix);
    if (found !== undefined && isObjectSpan(found)) return found;
  }
  return document;
}

/**
 * The rows at a path, one by one: the items of a list, a single value as one row, nothing for null or a missing value.
 */
export function rowsAt(document: JsonSpan | undefined, path: string | undefined): Iterable<JsonSpan> {
  const value = path === undefined ? undefined : lookup(document, path);
  if (value === undefined || isNullSpan(value)) return [];
  return isArraySpan(value) ? { [Symbol.iterator]: () => itemsOf(value) } : [value];
}
