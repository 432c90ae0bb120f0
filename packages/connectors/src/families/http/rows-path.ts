import { ConnectorError } from '../../interface/errors.js';
import {
  isArraySpan,
  isNullSpan,
  isObjectSpan,
  itemsOf,
  type JsonSpan,
  membersOf,
} from '../../kit/json/spans.js';
import { deepestObject, lookup, wholeAnswer } from './json-paths.js';

// Finds the rows if no path is configured. The choice must not depend on which lists happen to be empty today, so a
// list is chosen by its name or because it is the only one; several lists are ambiguous and refused.

/** How deep, and among how many members, to search for a list. */
const searchDepth = 3;
const searchedMax = 10_000;

const names = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Common names of the list with the rows. */
const rowNames = names(
  'data items results value values records rows entries result content elements objects docs hits list nodes edges',
);
/** Common names of objects around that list. */
const envelopeNames = names('data result results response body payload _embedded d hits feed');
/** Names of lists that never hold the rows. */
const neverRows = names('errors error warnings included');
/** Names of lists that hold the rows only if there are no others. */
const rarelyRows = names(
  'messages notices links _links meta metadata paging pagination fields columns schema facets aggregations filters sort',
);

interface List {
  name: string;
  /** JSON pointer. */
  path: string;
  /** Objects are rows; an empty list may be rows as well. */
  holds: 'objects' | 'values' | 'nothing';
}

interface Level {
  lists: List[];
  objects: [name: string, path: string, object: JsonSpan][];
}

function holdsOf(list: JsonSpan): List['holds'] {
  if (isNullSpan(list)) return 'nothing';
  const [first] = itemsOf(list);
  if (first === undefined) return 'nothing';
  return isObjectSpan(first) ? 'objects' : 'values';
}

function levelOf(parents: readonly (readonly [path: string, object: JsonSpan])[], count: () => void): Level {
  const level: Level = { lists: [], objects: [] };
  for (const [path, object] of parents) {
    for (const [name, value] of membersOf(object)) {
      count();
      if (neverRows.has(name)) continue;
      const here = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (isArraySpan(value) || (isNullSpan(value) && rowNames.has(name)))
        level.lists.push({ name, path: here, holds: holdsOf(value) });
      else if (isObjectSpan(value)) level.objects.push([name, here, value]);
    }
  }
  return level;
}

function only(lists: readonly List[]): string | undefined {
  if (lists.length < 2) return lists[0]?.path;
  const shown = lists.slice(0, 5).map(({ path }) => JSON.stringify(path.slice(0, 128)));
  throw new ConnectorError('invalid_config', `The response has several lists: ${shown.join(', ')}.`, {
    remedy: 'Set dataPath to the one with the rows, or to $ to read the whole response as one row.',
  });
}

function chosen({ lists }: Level): string | undefined {
  const named = only(lists.filter(({ name }) => rowNames.has(name)));
  if (named !== undefined) return named;
  const possible = lists.filter(({ holds }) => holds !== 'values');
  return (
    only(possible.filter(({ name }) => !rarelyRows.has(name))) ??
    only(possible.filter(({ name }) => rarelyRows.has(name)))
  );
}

function counter(): () => void {
  let searched = 0;
  return () => {
    searched += 1;
    if (searched <= searchedMax) return;
    throw new ConnectorError(
      'too_large',
      `The first ${searchedMax} members of the response contain no list.`,
      { remedy: 'Set dataPath to the path of the rows.' },
    );
  };
}

/**
 * JSON pointer of the rows if the connection does not configure it: the document if it is a list, else the list with a
 * common name, else the only list of objects, else the only list. Undefined without a list.
 * @throws ConnectorError `too_large` for a response with more members than are searched, `invalid_config` for several
 * lists
 */
export function findRowsPath(document: JsonSpan | undefined): string | undefined {
  if (document === undefined) return undefined;
  if (isArraySpan(document)) return wholeAnswer;
  if (!isObjectSpan(document)) return undefined;
  const count = counter();
  let ofValues: List[] = [];
  const search = (parents: readonly (readonly [string, JsonSpan])[], depth: number): string | undefined => {
    const level = levelOf(parents, count);
    const found = chosen(level);
    if (found !== undefined) return found;
    if (ofValues.length === 0) ofValues = level.lists;
    if (depth === searchDepth) return undefined;
    const inside = ([, path, object]: Level['objects'][number]) => [path, object] as const;
    const envelopes = level.objects.filter(([name]) => envelopeNames.has(name)).map(inside);
    const others = level.objects.filter(([name]) => !envelopeNames.has(name)).map(inside);
    return (
      (envelopes.length > 0 ? search(envelopes, depth + 1) : undefined) ??
      (others.length > 0 ? search(others, depth + 1) : undefined)
    );
  };
  return search([['', document]], 1) ?? only(ofValues);
}

/** A list of objects elsewhere, if the data path leads to nothing and may be misspelt. */
export function listBeside(document: JsonSpan, path: string): string | undefined {
  const count = counter();
  const deepest = deepestObject(document, path);
  const near = levelOf(isObjectSpan(deepest) ? [['', deepest]] : [], count);
  const around = near.objects.filter(([name]) => envelopeNames.has(name));
  const further = levelOf(
    around.map(([, at, object]) => [at, object] as const),
    count,
  );
  return [...near.lists, ...further.lists].find(
    ({ holds, name }) => holds === 'objects' && !rarelyRows.has(name),
  )?.name;
}

/** Members with which services report that data is missing or incomplete. */
export function reportsErrors(document: JsonSpan | undefined): boolean {
  if (document === undefined || !isObjectSpan(document)) return false;
  return ['/errors', '/error'].some((path) => {
    const value = lookup(document, path);
    if (value === undefined || isNullSpan(value)) return false;
    const text = value.bytes.toString('latin1', value.start, Math.min(value.end, value.start + 8));
    if (isArraySpan(value) || isObjectSpan(value)) return !/^(\[\s*\]|\{\s*\})/.test(text);
    return !['""', 'false', '0'].includes(text);
  });
}
