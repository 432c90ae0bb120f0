import { isDeepStrictEqual } from 'node:util';
import type { SourceManifest } from '../interface/manifest.js';
import { withDefaults } from './properties.js';

type Definition = Readonly<Record<string, unknown>>;

/**
 * The properties of a definition that were set, without defaults.
 * @param names names of the set properties; undefined if they were not stored, as in 0.1.0: then a property counts as
 * unset if it equals its default
 */
export function onlySet(
  manifest: SourceManifest,
  definition: Definition,
  names: readonly string[] | undefined,
): Record<string, unknown> {
  const unset: Definition = { ...manifest.formerDefaults, ...withDefaults(manifest, {}) };
  const wasSet = ([name, value]: [string, unknown]) =>
    names ? names.includes(name) : !isDeepStrictEqual(value, unset[name]);
  return Object.fromEntries(Object.entries(definition).filter(wasSet));
}
