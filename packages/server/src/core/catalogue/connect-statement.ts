import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { parseConnectStatement, readConnectStatement } from '@mooring/connectors/qlik/connect-statement';
import { isProviderOf } from '@mooring/connectors/qlik/names';
import { InvalidRequest } from '../errors/app-error.js';
import type { Catalogue } from './catalogue.js';

/**
 * A connect statement as `connectionProperties`; validate them as any other.
 * @throws InvalidRequest naming the statement, never a value of it
 */
export function propertiesOfStatement(manifest: SourceManifest, statement: string): Record<string, unknown> {
  const parsed = parseConnectStatement(manifest, statement);
  if (parsed.ok) return { ...parsed.properties };
  throw new InvalidRequest(
    parsed.problems.slice(0, 50).map(({ property, message }) => ({ field: property, message })),
  );
}

/** The source that a statement names by itself: its id, or a provider that has one source only. */
export function sourceNamedIn(catalogue: Catalogue, statement: string): string | undefined {
  const read = readConnectStatement(statement);
  if (!read.ok) return undefined;
  const { source, provider } = read.parts;
  if (source) return source;
  const only = catalogue.all().filter((manifest) => isProviderOf(manifest, provider ?? ''));
  return only.length === 1 ? only[0]?.id : undefined;
}
