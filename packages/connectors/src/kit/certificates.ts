import type { SourceManifest } from '../interface/manifest.js';
import { metaOf } from './properties.js';

type Definition = Readonly<Record<string, unknown>>;

const namesOf = (manifest: SourceManifest): string[] =>
  Object.keys(manifest.properties.shape).filter((name) => metaOf(manifest, name).certificates === true);

/** The definition without its trusted certificates. */
export function withoutCertificates(
  manifest: SourceManifest,
  definition: Definition,
): Record<string, unknown> {
  const names = new Set(namesOf(manifest));
  return Object.fromEntries(Object.entries(definition).filter(([name]) => !names.has(name)));
}

/** Certificates that are not given stay: statements may omit them. */
export function withStoredCertificates(
  manifest: SourceManifest,
  properties: Definition,
  stored: Definition,
): Record<string, unknown> {
  const missing = namesOf(manifest).filter((name) => !(name in properties) && name in stored);
  return { ...properties, ...Object.fromEntries(missing.map((name) => [name, stored[name]])) };
}
