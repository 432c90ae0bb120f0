import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { revealed, Secret } from '../interface/secret.js';
import type { SignInMethod } from '../interface/sign-in.js';
import { metaOf } from './properties.js';

type Fields = Readonly<Record<string, unknown>>;

/** Whether the method needs no credentials. */
export const needsNoLogin = (method: SignInMethod): boolean => method.fields.length === 0 && !method.oauth;

/** What a login lacks for this method and definition; each message names the property. */
export function lackingOf(method: SignInMethod, definition: Fields, login: Fields): PropertyProblem[] {
  const missing = method.required.filter((name) => (revealed(login[name]) ?? '') === '');
  const message = `is required for sign-in by ${method.label}`;
  const others = method.lacking?.(definition, login) ?? [];
  return [
    ...missing.map((property) => ({ property, message })),
    ...others.filter(({ property }) => !missing.includes(property)),
  ];
}

interface Entry {
  name: string;
}

const entriesOf = (value: unknown): readonly Entry[] => (revealed(value) ?? []) as readonly Entry[];

const keyOf = ({ name }: Entry): string => name.toLowerCase();

/** The given parts replace stored ones; the others are kept. */
export function withKeptParts(
  manifest: SourceManifest,
  kept: Fields,
  given: Fields,
): Record<string, unknown> {
  const merged = { ...kept, ...given };
  for (const name of Object.keys(given)) {
    if (kept[name] === undefined || metaOf(manifest, name).entriesByName !== true) continue;
    const newer = entriesOf(given[name]);
    const replaced = new Set(newer.map(keyOf));
    merged[name] = new Secret([
      ...entriesOf(kept[name]).filter((entry) => !replaced.has(keyOf(entry))),
      ...newer,
    ]);
  }
  return merged;
}
