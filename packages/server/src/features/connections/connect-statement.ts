import { metaOf } from '@mooring/connectors/kit/properties';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';

/** A value with characters that would end it is put in braces, closing braces doubled, as ODBC connect strings do. */
function quoted(text: string): string {
  return /[;="'{}\s]/.test(text) ? `{${text.replaceAll('}', '}}')}}` : text;
}

/**
 * The connect string of a definition, as Qlik shows it: `CUSTOM CONNECT TO "provider=…;key=value;"`. Written from
 * the definition alone, so no secret can be in it. Lists and objects are written as JSON.
 */
export function connectStatement(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
  isSeparated: boolean,
): string {
  const pairs: [string, string][] = [['provider', manifest.statementProvider ?? manifest.provider]];
  if (manifest.sourceProperty) pairs.push([manifest.sourceProperty, manifest.id]);
  for (const name of Object.keys(manifest.properties.shape)) {
    const value = definition[name];
    if (value === undefined || (metaOf(manifest, name).holder ?? 'definition') !== 'definition') continue;
    pairs.push([name, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
  if (isSeparated) pairs.push(['separateCredentials', 'true']);
  const text = pairs.map(([key, value]) => `${key}=${quoted(value)};`).join('');
  return `CUSTOM CONNECT TO "${text.replaceAll('"', '""')}"`;
}

/** Placeholder until the parser of the kit lands. */
export function parseConnectStatement(manifest: SourceManifest, statement: string): Record<string, unknown> {
  const inner = /"(.*)"/s.exec(statement)?.[1]?.replaceAll('""', '"') ?? '';
  const properties: Record<string, unknown> = {};
  for (const match of inner.matchAll(/([^=;]+)=(\{(?:[^}]|\}\})*\}|[^;]*);/g)) {
    const name = match[1] ?? '';
    if (name === 'provider' || name === manifest.sourceProperty) continue;
    const raw = match[2] ?? '';
    properties[name] = raw.startsWith('{') ? raw.slice(1, -1).replaceAll('}}', '}') : raw;
  }
  return properties;
}
