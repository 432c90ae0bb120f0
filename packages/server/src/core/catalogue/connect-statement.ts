import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { parseConnectStatement, readConnectStatement } from '@mooring/connectors/kit/connect-statement';
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

/**
 * For some of Qlik's sources, `qType` of a connection and the provider of its statement differ; either form is
 * accepted for either.
 */
export const isProviderOf = (manifest: SourceManifest, provider: string): boolean =>
  [manifest.provider, manifest.statementProvider].some(
    (name) => name?.toLowerCase() === provider.toLowerCase(),
  );
