import type { Capabilities } from '@mooring/connectors/interface/manifest';
import { invalidField } from '../../../core/errors/app-error.js';

// What a request may ask of a source, by the capabilities of its manifest.

/** Drops undefined members, so that optional ones are absent. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

/** @throws InvalidRequest */
export function assertFiles(body: { file?: unknown }, { files = false }: Capabilities): void {
  if (body.file === undefined || files) return;
  throw invalidField('file', 'is not supported by this data source: it has no files');
}

/** Browse and read share the limit, so that every path a user can browse to can be read. @throws InvalidRequest */
export function assertPath(path: readonly string[] = [], { browseDepth }: Capabilities): void {
  if (path.length <= browseDepth) return;
  const message = `has ${path.length} parts; paths of this data source have at most ${browseDepth}`;
  throw invalidField('path', message);
}

/** Exactly one of path and query, and only what the source supports. @throws InvalidRequest */
export function assertTarget(
  body: { path?: readonly string[] | undefined; query?: unknown; file?: unknown },
  capabilities: Capabilities,
): void {
  assertFiles(body, capabilities);
  if ((body.path === undefined) === (body.query === undefined)) {
    throw invalidField('path', 'or query is required, and not both');
  }
  if (body.query !== undefined && !capabilities.readQuery) {
    throw invalidField('query', 'is not supported by this data source; give a path');
  }
  assertPath(body.path, capabilities);
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
