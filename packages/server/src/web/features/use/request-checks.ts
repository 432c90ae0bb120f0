import type { Abilities } from '@mooring/connectors/interface/abilities';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Parameters, Target } from '@mooring/connectors/interface/plan';
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

interface ReadBody {
  path?: readonly string[] | undefined;
  query?: string | undefined;
  parameters?: Parameters | undefined;
  file?: unknown;
  where?: unknown;
  orderBy?: unknown;
}

/** @throws InvalidRequest */
function assertParameters({ query, parameters }: ReadBody, abilities: Abilities): void {
  if (parameters === undefined) return;
  if (query === undefined) throw invalidField('parameters', 'are only for a query');
  const kind = abilities.query?.parameters ?? 'none';
  if (kind === 'none')
    throw invalidField(
      'parameters',
      'are not supported by this data source; write the values into the query',
    );
  if (kind === 'both' || Array.isArray(parameters) === (kind === 'positional')) return;
  const wanted =
    kind === 'positional'
      ? 'must be a list: the placeholders of this data source have no names'
      : 'must be an object: the placeholders of this data source have names';
  throw invalidField('parameters', wanted);
}

/**
 * Exactly one of path and query, and only what the source supports.
 * @throws InvalidRequest
 * @throws ConnectorError `unsupported` for an order that the source cannot give; nothing was sent to it
 */
export function assertTarget(body: ReadBody, abilities: Abilities): void {
  assertFiles(body, abilities);
  if ((body.path === undefined) === (body.query === undefined)) {
    throw invalidField('path', 'or query is required, and not both');
  }
  if (body.query !== undefined && !abilities.query) {
    throw invalidField('query', 'is not supported by this data source; give a path');
  }
  assertParameters(body, abilities);
  for (const name of ['where', 'orderBy'] as const) {
    if (body[name] !== undefined && body.query !== undefined)
      throw invalidField(name, 'is only for a path; write it into the query');
  }
  if (body.orderBy !== undefined && !abilities.pushdown.order) {
    throw new ConnectorError('unsupported', 'orderBy is not supported by this data source.', {
      remedy: abilities.query ? 'Leave it out, or use a query.' : 'Leave it out.',
    });
  }
  assertPath(body.path, abilities);
}

/** The read that a body asks for; {@link assertTarget} has checked it. */
export function readOf<Body extends ReadBody>({ path, query, parameters, ...rest }: Body) {
  const target: Target =
    query === undefined ? { path: path ?? [] } : { query, ...(parameters ? { parameters } : {}) };
  return { ...defined(rest), target };
}
