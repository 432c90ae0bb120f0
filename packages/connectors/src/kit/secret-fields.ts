import type { z } from 'zod';
import { propertyMeta } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';
import { revealed, Secret } from '../interface/secret.js';

// Values of secret properties travel as `Secret`: hidden where they enter, revealed where a driver gets its options.

type Fields = Readonly<Record<string, unknown>>;

/** Hides what the manifest marks as secret, and unknown properties. Hidden values stay as they are. */
export function hideSecrets(manifest: SourceManifest, fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const schema = manifest.properties.shape[name] as z.ZodType | undefined;
      const isPlain = schema !== undefined && propertyMeta(schema)?.secret !== true;
      return [name, isPlain || value instanceof Secret ? value : new Secret(value)];
    }),
  );
}

/** Hides every value. */
export const hideAll = (fields: Fields): Record<string, Secret<unknown>> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Secret ? value : new Secret(value),
    ]),
  );

/** Reveals every value. */
export const allRevealed = (fields: Fields): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, revealed(value)]));
