import type { Abilities } from '@mooring/connectors/interface/abilities';
import { invalidField } from '../../../core/errors/app-error.js';

// What a request may ask of a source, by its abilities.

/** Drops undefined members, so that optional ones are absent. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

/** @throws InvalidRequest */
export function assertFiles(body: { file?: unknown }, { files }: Abilities): void {
  if (body.file === undefined || files) return;
  throw invalidField('file', 'is not supported by this data source: it has no files');
}

/** Browse and read share the limit, so that every path a user can browse to can be read. @throws InvalidRequest */
export function assertPath(path: readonly string[] = [], { browse: { depth } }: Abilities): void {
  if (path.length <= depth) return;
  const message = `has ${path.length} parts; paths of this data source have at most ${depth}`;
  throw invalidField('path', message);
}

/** Exactly one of path and query, and only what the source supports. @throws InvalidRequest */
export function assertTarget(
  body: { path?: readonly string[] | undefined; query?: unknown; file?: unknown },
  abilities: Abilities,
): void {
  assertFiles(body, abilities);
  if ((body.path === undefined) === (body.query === undefined)) {
    throw invalidField('path', 'or query is required, and not both');
  }
  if (body.query !== undefined && !abilities.query) {
    throw invalidField('query', 'is not supported by this data source; give a path');
  }
  assertPath(body.path, abilities);
}

interface ReadBody {
  path?: readonly string[] | undefined;
  query?: string | undefined;
}

/** The read that a body asks for; {@link assertTarget} has checked it. */
export function readOf<Body extends ReadBody>({ path, query, ...rest }: Body) {
  const target = query === undefined ? { path: path ?? [] } : { query };
  return { ...defined(rest), target };
}
