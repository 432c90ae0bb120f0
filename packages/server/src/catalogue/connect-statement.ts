import { parseConnectStatement } from '@mooring/connectors/kit/connect-statement';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { InvalidRequest } from '../http/app-error.js';

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
