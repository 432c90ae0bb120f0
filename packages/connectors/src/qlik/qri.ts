import type { QriDefinition } from '@mooring/contract/data-source-schema';
import type { SourceManifest } from '../interface/manifest.js';
import { metaOf } from '../kit/properties.js';
import { qlikNamesOf } from './names.js';

// Resource identifiers: which properties of a connection name its target, and what a path in it consists of.

/** Segments of a path in a source, by category. */
const pathProperties: Readonly<Record<SourceManifest['category'], readonly string[]>> = {
  file: ['filePath'],
  database: ['database', 'schema', 'table'],
  api: ['resource'],
};

const placeholders = (names: readonly string[]) => names.map((name) => `{${name}}`).join('/');

const targetNames = (manifest: SourceManifest): readonly string[] =>
  manifest.target ??
  Object.keys(manifest.properties.shape)
    .filter((name) => (metaOf(manifest, name).holder ?? 'definition') === 'definition')
    .toSorted();

/** How QRIs of a source are built, in the form of Qlik's data-sources. */
export function qriDefinitionOf(manifest: SourceManifest): QriDefinition {
  const target = [...targetNames(manifest), ...(manifest.targetWay ?? [])];
  const path = pathProperties[manifest.category];
  return {
    qriPrefix: qlikNamesOf(manifest).qriPrefix,
    connectionPart: { template: placeholders(target), properties: [...target] },
    pathPart: { prefix: '#', template: placeholders(path), properties: [...path] },
  };
}

/** Normalizes hosts and URLs, so that the same server is the same target. */
function normal(manifest: SourceManifest, name: string, value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const { dials } = metaOf(manifest, name);
  if (dials === 'url' && URL.canParse(value)) return new URL(value).href;
  return dials === 'host' ? value.toLowerCase() : value;
}

/** The values that name a connection's target, in the order of its QRI definition; empty if not set, but without what would
 * lead to it. */
export function qriTargetOf(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
): string[] {
  const values = targetNames(manifest).map((name) =>
    definition[name] === undefined ? '' : normal(manifest, name, definition[name]),
  );
  // Only where they are set: a connection without has the QRI that it had before there were any.
  const way = (manifest.targetWay ?? []).filter((name) => definition[name] !== undefined);
  return [...values, ...way.map((name) => normal(manifest, name, definition[name]))];
}
