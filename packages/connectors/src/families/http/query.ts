/** Decodes `%XX` as forms and RFC 3986 do, and `+` as a space, as forms do. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/**
 * Characters that RFC 3986 section 3.4 allows in a query and that are not used as separators stay readable: `$filter`,
 * `a,b`, `12:30`.
 */
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/%(?:24|2C|3A|40|2F|3F)/g, (escaped) => decodeURIComponent(escaped));

const pair = ([name, value]: readonly [string, string]): string => `${encoded(name)}=${encoded(value)}`;

const partsOf = (url: URL): string[] => (url.search === '' ? [] : url.search.slice(1).split('&'));

/** The URL with parameters appended to its own, which keep their spelling. */
export function withAppended(url: URL, parameters: readonly (readonly [name: string, value: string])[]): URL {
  if (parameters.length === 0) return url;
  const changed = new URL(url);
  changed.search = [...partsOf(url), ...parameters.map(pair)].join('&');
  return changed;
}

/** The URL with a parameter that replaces those of its name, or is appended; the spelling of the others is kept. */
export function withParameter(url: URL, name: string, value: string): URL {
  const parts = partsOf(url);
  const isIt = (part: string) => decoded(part.split('=', 1)[0] ?? '') === name;
  const first = parts.findIndex(isIt);
  const others = parts.filter((part, at) => at === first || !isIt(part));
  const ours = pair([name, value]);
  const changed = new URL(url);
  changed.search = (first === -1 ? [...others, ours] : others.with(others.findIndex(isIt), ours)).join('&');
  return changed;
}
