import { onlySet } from '@mooring/connectors/kit/set-properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import { definitionOf, setNamesOf } from '../store/decoded-rows.js';
import type { ConnectionTable } from '../store/tables.js';

/** What requests have set of the stored definition: it is shown and sent back, while uses take the whole. */
export const setDefinition = (
  manifest: SourceManifest,
  row: Pick<ConnectionTable, 'properties' | 'set_names'>,
): Record<string, unknown> => onlySet(manifest, definitionOf(row), setNamesOf(row));
