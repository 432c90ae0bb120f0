import type { z } from 'zod';
import { type InlineFiles, propertyMeta } from '../interface/fields.js';
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

/** Text of a secret field; undefined when it is absent or empty. Text that did not arrive hidden does not count. */
export function revealText(fields: Fields, name: string): string | undefined {
  const held = fields[name];
  const value: unknown = held instanceof Secret ? held.reveal() : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The first file of a secret field. */
export function revealFile(fields: Fields, name: string): InlineFiles[number] | undefined {
  const held = fields[name];
  return held instanceof Secret ? (held as Secret<InlineFiles | undefined>).reveal()?.[0] : undefined;
}
