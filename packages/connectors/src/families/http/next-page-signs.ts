import { quoted } from '../../kit/json/failures.js';
import { isArraySpan, isNullSpan, isObjectSpan, type JsonSpan, membersOf } from '../../kit/json/spans.js';
import { ConnectorError } from '../../spec/errors.js';

// A service may leave its reference out of a last page, so that its absence alone says nothing. What stands elsewhere does.

const searchedMax = 1_000;

/** What services call their references to the next page. */
const leadsOn = /^(?:@odata\.|odata\.|@)?next|continuation|^(?:end_?)?cursor$|^scroll_?id$/i;
const saysMore = /^(?:has_?more|has_?next(?:_?page)?|more|truncated|is_?truncated)$/i;
const saysLast = /^(?:is_?last(?:_?page)?|last)$/i;

const textOf = ({ bytes, start, end }: JsonSpan): string =>
  bytes.toString('utf8', start, Math.min(end, start + 16));

function isSign(name: string, value: JsonSpan): boolean {
  const text = textOf(value);
  if (saysMore.test(name)) return text === 'true';
  if (saysLast.test(name)) return text === 'false';
  return leadsOn.test(name) && !isNullSpan(value) && !['""', 'false', '0', '{}'].includes(text);
}

/** A member of the answer, or of an object in it, that says that there is another page. */
function signOf(document: JsonSpan): string | undefined {
  let searched = 0;
  const search = (object: JsonSpan, path: string, isOutermost: boolean): string | undefined => {
    for (const [name, value] of membersOf(object)) {
      searched += 1;
      if (searched > searchedMax) return undefined;
      const isObject = isObjectSpan(value);
      if (!isArraySpan(value) && isSign(name, value)) return path + name;
      if (!isObject || !isOutermost) continue;
      const found = search(value, `${path + name}.`, false);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return isObjectSpan(document) ? search(document, '', true) : undefined;
}

/** The target of `rel="next"` in a Link header (RFC 8288). */
export function nextLink(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(/<([^<>]*)>([^<]*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters ?? '');
    const relations = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return target;
  }
  return undefined;
}

/**
 * Where the first page has nothing at the path that leads on.
 * @throws ConnectorError `invalid_config` when the page says elsewhere that there are more
 */
export function assertNoOtherReference(
  { json, headers }: { json: JsonSpan | undefined; headers: Headers },
  property: string,
  path: string,
): void {
  const sign = json === undefined ? undefined : signOf(json);
  const isLinked = nextLink(headers.get('link') ?? '') !== undefined;
  if (sign === undefined && !isLinked) return;
  const found = sign === undefined ? 'in its Link header' : `at ${quoted(sign)}`;
  throw new ConnectorError(
    'invalid_config',
    `The first page has nothing at ${property} (${quoted(path)}), and says ${found} that there are more.`,
    {
      remedy:
        sign === undefined
          ? 'Set PaginationType NextUrl, NextUrlFieldPath Link and IsNextUrlFieldPathHeader true.'
          : `Set ${property} to where the answer refers to its next page.`,
    },
  );
}
