import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import { onlySet } from '@mooring/connectors/kit/set-properties';
import { definitionOf, setNamesOf } from '../store/decoded-rows.js';
import type { ConnectionTable } from '../store/tables.js';

/** The properties of the stored definition that requests have set: shown and sent back. Uses get the whole definition. */
export const setDefinition = (
  manifest: SourceManifest,
  row: Pick<ConnectionTable, 'properties' | 'set_names'>,
): Record<string, unknown> => onlySet(manifest, definitionOf(row), setNamesOf(row));
