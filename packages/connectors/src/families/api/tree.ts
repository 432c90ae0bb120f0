import { ConnectorError } from '../../interface/errors.js';
import type { Path } from '../../interface/plan.js';
import { withAppended } from '../http/query.js';
import type { Api, Collection, Listed, Resource } from './api.js';

// Paths of an API's resources, as browse returns them.

/** A resource and where it is. */
export interface Found {
  url: URL;
  resource: Resource;
}

export interface Place {
  collection: Collection;
  /** Names on the way, by kind. */
  names: Readonly<Record<string, string>>;
  /** What is left of the path. */
  rest: Path;
}

const notFound = (remedy = 'Browse to see what exists.') =>
  new ConnectorError('not_found', 'The connection has no such resource.', { remedy });

/** A name that could change the path of a request is not valid. */
const isNameOf = ({ names }: Listed, name: string): boolean =>
  names.test(name) && !name.split('/').some((segment) => /^\.{0,2}$/.test(segment));

/**
 * Follows a path through what the API lists.
 * @throws ConnectorError `not_found` for a name that cannot exist
 */
export function placeAt({ root }: Api, path: Path): Place {
  let collection = root;
  const names: Record<string, string> = {};
  let rest = path;
  for (;;) {
    const [name, ...further] = rest;
    const { resources, listed } = collection;
    if (name === undefined || Object.hasOwn(resources, name)) return { collection, names, rest };
    if (!listed || !isNameOf(listed, name)) throw notFound();
    names[listed.of] = name;
    collection = listed.inside;
    rest = further;
  }
}

const encoded = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

/** @throws ConnectorError `protocol_error` if the path left the base, which its names cannot cause */
export function urlOf({ base }: Api, { path, query = {} }: Resource, names: Place['names']): URL {
  const url = new URL(base);
  url.hash = '';
  if (path !== undefined) {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encoded(names[name] ?? ''));
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${filled}`;
  }
  return withAppended(url, Object.entries(query));
}

/** @throws ConnectorError `not_found` unless the path is that of a resource */
export function resourceAt(api: Api, path: Path): Found {
  const { collection, names, rest } = placeAt(api, path);
  const all = Object.values(collection.resources);
  const [name] = rest;
  // The only resource of an API is also the root itself.
  const isOnly = path.length === 0 && all.length === 1 && !collection.listed;
  const resource = isOnly ? all[0] : rest.length === 1 ? collection.resources[name ?? ''] : undefined;
  if (!resource) throw notFound('Read a resource: browse to see them.');
  return { url: urlOf(api, resource, names), resource };
}
