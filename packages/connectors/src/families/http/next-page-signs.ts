import { ConnectorError } from '../../interface/errors.js';
import { quoted } from '../../kit/json/failures.js';
import { isArraySpan, isNullSpan, isObjectSpan, type JsonSpan, membersOf } from '../../kit/json/spans.js';

// A service may omit the reference to the next page on its last page, so a missing reference alone proves nothing.
// Other members of the response can.

const searchedMax = 1_000;

/** Common names of references to the next page, lower-cased and without separators. */
const leadsOn =
  /^(?:@?odata\.?)?next(?:link|url|uri|href|page|pageurl|pageuri|pagelink|pagetoken|token|cursor|recordsurl|marker|offset|start)?$|^continuation(?:token|uri|url)?$/;
const saysMore = /^(?:hasmore|hasnext|hasnextpage|moreavailable|istruncated)$/;
const saysLast = /^(?:islast|islastpage|last|lastpage|nomore)$/;

const textOf = ({ bytes, start, end }: JsonSpan): string =>
  bytes.toString('utf8', start, Math.min(end, start + 16));

/** True for a member that indicates another page, false for one that rules it out. */
function isSign(name: string, value: JsonSpan): boolean | undefined {
  const text = textOf(value);
  const plain = name.toLowerCase().replaceAll(/[-_\s]/g, '');
  const isWord = text === 'true' || text === 'false';
  if (saysMore.test(plain) && isWord) return text === 'true';
  if (saysLast.test(plain) && isWord) return text === 'false';
  if (!leadsOn.test(plain) || isNullSpan(value) || ['""', 'false', '0', '{}'].includes(text))
    return undefined;
  return true;
}

/**
 * The member of the response, or of an object in it, that indicates another page; undefined if any member rules it out.
 */
function signOf(document: JsonSpan): string | undefined {
  let searched = 0;
  let sign: string | undefined;
  let isDenied = false;
  const search = (object: JsonSpan, path: string, isOutermost: boolean): void => {
    for (const [name, value] of membersOf(object)) {
      searched += 1;
      if (searched > searchedMax) return;
      if (isArraySpan(value)) continue;
      const found = isSign(name, value);
      if (found === true) sign ??= path + name;
      if (found === false) isDenied = true;
      if (isOutermost && isObjectSpan(value)) search(value, `${path + name}.`, false);
    }
  };
  if (isObjectSpan(document)) search(document, '', true);
  return isDenied ? undefined : sign;
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

interface Seen {
  status: number;
  headers: Headers;
  json: JsonSpan | undefined;
  hasList: boolean;
}

/** How a page indicates that there are more. */
function signsOf({ json, headers }: Seen): { where: string; sign?: string; isLink: boolean } | undefined {
  const sign = json === undefined ? undefined : signOf(json);
  if (sign !== undefined) return { where: `at ${quoted(sign)}`, sign, isLink: false };
  const isLink = nextLink(headers.get('link') ?? '') !== undefined;
  return isLink ? { where: 'in its Link header', isLink } : undefined;
}

const byLink = 'Set PaginationType NextUrl, NextUrlFieldPath Link and IsNextUrlFieldPathHeader true.';

/**
 * Checks the first page when it has nothing at the configured path.
 * @throws ConnectorError `invalid_config` if the page indicates elsewhere that there are more
 */
export function assertNoOtherReference(page: Seen, property: string, path: string): void {
  const signs = signsOf(page);
  if (!signs) return;
  throw new ConnectorError(
    'invalid_config',
    `The first page has nothing at ${property} (${quoted(path)}), but indicates ${signs.where} that there are more.`,
    {
      remedy: signs.isLink
        ? byLink
        : `Set the property ${property} of the connection to ${quoted(signs.sign ?? '')}.`,
    },
  );
}

/**
 * Checks a page that will not be followed by another request.
 * @throws ConnectorError `invalid_config` if the page indicates that there are more
 */
export function assertIsAll(page: Seen): void {
  const isPartial = page.status === 206;
  const signs = isPartial ? { where: 'with the status 206', isLink: false } : signsOf(page);
  if (!signs || !(isPartial || signs.isLink || page.hasList)) return;
  throw new ConnectorError(
    'invalid_config',
    `The response indicates ${signs.where} that there are more pages.`,
    {
      remedy: `${
        signs.isLink ? byLink : 'Set PaginationType to the pagination method of the service.'
      } If you want only the first page, set PaginationFirstPageOnly to true.`,
    },
  );
}
