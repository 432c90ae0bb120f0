import type { z } from 'zod';
import { type PropertyMeta, propertyMeta } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import type { Secret } from '../interface/secret.js';
import { isInteractive, type SignInMethod } from '../interface/sign-in.js';
import { canonical, problemsOf } from './property-input.js';
import { hideAll, hideSecrets } from './secret-fields.js';

// Everything that is derived from a manifest's properties: validation, the split between definition and
// vault, and the destination to which a credential is bound.

/** Secrets of a connection itself, by property. */
export type ConnectionSecrets = Readonly<Record<string, Secret<unknown>>>;

export interface SplitProperties {
  /** Stored with the connection and visible; defaults applied. */
  definition: Record<string, unknown>;
  /** Names of the definition properties that were given; the others are defaults. */
  set: readonly string[];
  /** Sealed with the user's credential; its secrets are hidden. */
  credential: Record<string, unknown>;
  connectionSecrets: ConnectionSecrets;
  signIn: SignInMethod;
}

export type ParsedProperties =
  | { ok: true; value: SplitProperties }
  | { ok: false; problems: PropertyProblem[] };

/** By schema: answers look it up for each property of each connection, and the registry of zod builds it each time. */
const metas = new WeakMap<z.ZodType, PropertyMeta>();

/** Metadata of a property; unmarked properties count towards the destination. */
export function metaOf(manifest: SourceManifest, name: string): PropertyMeta {
  const schema = manifest.properties.shape[name] as z.ZodType | undefined;
  const known = schema && metas.get(schema);
  if (known) return known;
  const meta = schema ? propertyMeta(schema) : undefined;
  if (schema && meta) metas.set(schema, meta);
  if (!meta) throw new Error(`property ${name} of ${manifest.id} has no metadata`);
  return meta;
}

/** Properties with secrets that a connection itself may hold. */
export const connectionSecretNames = (manifest: SourceManifest): string[] =>
  Object.keys(manifest.properties.shape).filter((name) => metaOf(manifest, name).holder === 'connection');

/** Whether users can sign in to the source in a browser. */
export function hasInteractiveSignIn(manifest: SourceManifest): boolean {
  return manifest.signIns.some((method) => isInteractive(method.oauth));
}

/** The sign-in method that the properties select. */
export function selectSignIn(
  manifest: SourceManifest,
  properties: Readonly<Record<string, unknown>>,
): SignInMethod {
  const found = manifest.signIns.find(
    ({ when = {}, applies }) =>
      Object.entries(when).every(([name, wanted]) => String(properties[name]) === wanted) &&
      applies?.(properties) !== false,
  );
  if (!found) throw new Error(`${manifest.id} has no sign-in method for these properties`);
  return found;
}

/**
 * Validates properties against the source and splits them by holder. Whether the credential is complete is
 * a separate question: see `lackingOf`.
 * @param stored names of the connection's own secrets that are already stored
 */
export function parseProperties(
  manifest: SourceManifest,
  input: Readonly<Record<string, unknown>>,
  stored: readonly string[] = [],
): ParsedProperties {
  const { value, problems } = canonical(manifest.properties.shape as Record<string, z.ZodType>, input);
  const given = { ...(manifest.arrange?.(value) ?? value) };
  const parsed = manifest.properties.safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error, given));
  if (problems.length > 0 || !parsed.success) return { ok: false, problems };

  const held: Record<NonNullable<PropertyMeta['holder']>, Record<string, unknown>> = {
    definition: {},
    credential: {},
    connection: {},
  };
  for (const [name, property] of Object.entries(parsed.data)) {
    if (property !== undefined) held[metaOf(manifest, name).holder ?? 'definition'][name] = property;
  }
  const split = {
    definition: held.definition,
    set: Object.keys(held.definition).filter((name) => given[name] !== undefined),
    credential: hideSecrets(manifest, held.credential),
    connectionSecrets: hideAll(held.connection),
  };
  const conflicts = [
    ...(manifest.conflicts?.(split.definition) ?? []),
    ...(manifest.credentialConflicts?.(held.credential, split.definition) ?? []),
  ];
  if (conflicts.length > 0) return { ok: false, problems: conflicts };
  const signIn = selectSignIn(manifest, split.definition);
  const isMissing = (name: string) =>
    split.definition[name] === undefined &&
    split.connectionSecrets[name] === undefined &&
    !stored.includes(name);
  const missing = [
    ...(signIn.requiredProperties ?? []).filter(isMissing),
    ...missingOfSets(signIn.requiredOneOf ?? [], isMissing),
  ];
  if (missing.length > 0) {
    return {
      ok: false,
      problems: missing.map((property) => ({
        property,
        message: `is required for sign-in by ${signIn.label}`,
      })),
    };
  }
  return { ok: true, value: { ...split, signIn } };
}

/**
 * What the most complete set lacks: the set with the most given properties, then the fewest missing, then the latest.
 * Empty if any set is complete.
 */
function missingOfSets(
  sets: readonly (readonly string[])[],
  isMissing: (name: string) => boolean,
): readonly string[] {
  const judged = sets.map((set) => ({ set, lacking: set.filter(isMissing) }));
  if (judged.some(({ lacking }) => lacking.length === 0)) return [];
  const begun = judged.toReversed().toSorted((left, right) => {
    const given = ({ set, lacking }: (typeof judged)[number]) => set.length - lacking.length;
    return given(right) - given(left) || left.lacking.length - right.lacking.length;
  });
  return begun[0]?.lacking ?? [];
}

/** A URL without its query: each path of an origin may be another application. */
function addressOf(value: string): string {
  const { origin, pathname } = new URL(value);
  return pathname === '/' ? origin : `${origin}${pathname}`;
}

function decidingValue(meta: PropertyMeta, value: unknown): string | undefined {
  if (meta.decides === 'nothing' || value === undefined) return undefined;
  if (meta.decides === 'address' && typeof value === 'string') return addressOf(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A definition as it would be stored now: properties introduced since then have their defaults. */
export function withDefaults(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const whole = { ...definition };
  for (const [name, schema] of Object.entries(manifest.properties.shape)) {
    if (name in whole || (metaOf(manifest, name).holder ?? 'definition') !== 'definition') continue;
    const { data } = (schema as z.ZodType).safeParse(undefined);
    if (data !== undefined) whole[name] = data;
  }
  return whole;
}

/** What determines destinations, as text that changes with the rule. */
export const destinationRule = (manifests: readonly SourceManifest[]): string =>
  JSON.stringify(
    manifests.map((manifest) => [
      manifest.id,
      Object.keys(withDefaults(manifest, {})),
      Object.keys(manifest.properties.shape).map((name) => {
        const { decides, holder } = metaOf(manifest, name);
        return [name, decides, holder];
      }),
    ]),
  );

/**
 * Where the secrets of a credential may be sent, as one line that users can read and programs can compare: the source
 * and every deciding property of the definition, sorted by name.
 */
export function destinationOf(
  manifest: SourceManifest,
  definition: Readonly<Record<string, unknown>>,
): string {
  const parts = Object.keys(manifest.properties.shape)
    .toSorted()
    .flatMap((name) => {
      const meta = metaOf(manifest, name);
      if (meta.holder === 'credential' || meta.holder === 'connection') return [];
      const value = decidingValue(meta, definition[name]);
      return value === undefined ? [] : [`${name}=${value}`];
    });
  return [manifest.id, ...parts].join('; ');
}
