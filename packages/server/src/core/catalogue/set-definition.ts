import { onlySet } from '@mooring/connectors/kit/set-properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { ConnectionTable } from '../store/tables.js';

/** The stored definition as it is shown and sent back: what requests have set of it. What is used is the whole. */
export function setDefinition(
  manifest: SourceManifest,
  { properties, set_names }: Pick<ConnectionTable, 'properties' | 'set_names'>,
): Record<string, unknown> {
  const names = set_names === null ? undefined : (JSON.parse(set_names) as string[]);
  return onlySet(manifest, JSON.parse(properties) as Record<string, unknown>, names);
}
