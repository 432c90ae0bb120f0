import { isDeepStrictEqual } from 'node:util';
import type { SourceManifest } from '../spec/manifest.js';
import { withDefaults } from './properties.js';

type Definition = Readonly<Record<string, unknown>>;

/**
 * What of a definition was set, without the defaults that filled it up.
 * @param names of the properties that were set; undefined where that was not kept, as in 0.1.0: then a property that is
 * as it is without being set was not
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
