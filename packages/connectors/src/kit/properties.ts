import type { ApiSpecs, PropertySpec } from '@mooring/contract/data-source-schema';
import { z } from 'zod';
import { type PropertyMeta, propertyMeta } from '../interface/fields.js';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { Secret } from '../interface/secret.js';
import { isInteractive, type SignInMethod } from '../interface/sign-in.js';
import { canonical, problemsOf } from './property-input.js';
import { hideAll, hideSecrets } from './secret-fields.js';

// Everything that is derived from a manifest's properties: api-specs, validation, the split between definition and
// vault, and the destination to which a credential is bound.

/** Qlik's separated-credentials trio, which every source accepts. */
const separatedProperties = {
  separateCredentials: {
    type: 'boolean',
    default: false,
    description: 'Each user provides their own credentials; none are stored with the connection.',
  },
  selectedCredentials: { type: 'string', description: 'Id of your separated credential to use.' },
  credentialsName: {
    type: 'string',
    description: 'Name for the separated credential made from this request.',
  },
} as const satisfies Record<string, PropertySpec>;

/** Members of `connectionProperties` that control credentials instead of describing the source. */
export interface CredentialChoice {
  separateCredentials: boolean;
  selectedCredentials?: string;
  credentialsName?: string;
  /** Code pasted after an interactive sign-in. */
  authCode?: Secret<string>;
}

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
  choice: CredentialChoice;
}

export type ParsedProperties =
  | { ok: true; value: SplitProperties }
  | { ok: false; problems: PropertyProblem[] };

/** Metadata of a property; unmarked properties count towards the destination. */
export function metaOf(manifest: SourceManifest, name: string): PropertyMeta {
  const schema = manifest.properties.shape[name] as z.ZodType | undefined;
  const meta = schema ? propertyMeta(schema) : undefined;
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

/** The source's properties in Qlik's `api-specs` form. */
export function apiSpecsOf(manifest: SourceManifest): ApiSpecs {
  const schema = z.toJSONSchema(manifest.properties, { io: 'input', unrepresentable: 'any' });
  const properties: Record<string, PropertySpec> = {};
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const { decides, dials, holder, sentInQuery, entriesByName, anyOf, examples, ...rest } = value as Record<
      string,
      unknown
    >;
    const type = typeof rest['type'] === 'string' ? rest['type'] : 'string';
    // Clients offer known values to users, as Qlik lists them; some sources accept others too, and their description
    // says so.
    properties[name] = { ...rest, type, ...(examples === undefined ? {} : { enum: examples }) };
  }
  if (hasInteractiveSignIn(manifest)) {
    properties['authCode'] = {
      type: 'string',
      default: '',
      description: 'Code shown after the interactive sign-in.',
    };
  }
  return {
    connectorProvider: manifest.provider,
    connectorVersion: manifest.connectorVersion,
    connectionProperties: {
      type: 'object',
      properties: { ...properties, ...separatedProperties },
      ...(schema.required && schema.required.length > 0 ? { required: schema.required } : {}),
    },
  };
}

const choiceSchema = z.strictObject({
  separateCredentials: z.boolean().default(false),
  selectedCredentials: z.string().max(64).optional(),
  credentialsName: z.string().optional(),
  authCode: z.string().max(8192).optional(),
});

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
 * Validates `connectionProperties` against the source and splits them by holder. Whether the credential is complete is
 * a separate question: see `lackingOf`.
 * @param stored names of the connection's own secrets that are already stored
 */
export function parseProperties(
  manifest: SourceManifest,
  input: Readonly<Record<string, unknown>>,
  stored: readonly string[] = [],
): ParsedProperties {
  const shape = { ...manifest.properties.shape, ...choiceSchema.shape } as Record<string, z.ZodType>;
  const { value: given, problems } = canonical(shape, input);
  const value = manifest.arrange?.(given) ?? given;
  const steering = new Set(Object.keys(choiceSchema.shape));
  const entries = Object.entries(value);
  const ofSource = Object.fromEntries(entries.filter(([name]) => !steering.has(name)));
  const source = manifest.properties.safeParse(ofSource);
  const steered = Object.fromEntries(entries.filter(([name]) => steering.has(name)));
  const choice = choiceSchema.safeParse(steered);
  if (!source.success) problems.push(...problemsOf(source.error, ofSource));
  if (!choice.success) problems.push(...problemsOf(choice.error, steered));
  if (problems.length > 0 || !source.success || !choice.success) return { ok: false, problems };

  const held: Record<NonNullable<PropertyMeta['holder']>, Record<string, unknown>> = {
    definition: {},
    credential: {},
    connection: {},
  };
  for (const [name, property] of Object.entries(source.data)) {
    if (property !== undefined) held[metaOf(manifest, name).holder ?? 'definition'][name] = property;
  }
  const split = {
    definition: held.definition,
    set: Object.keys(held.definition).filter((name) => ofSource[name] !== undefined),
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
  const { selectedCredentials, credentialsName, authCode, separateCredentials } = choice.data;
  return {
    ok: true,
    value: {
      ...split,
      signIn,
      choice: {
        separateCredentials,
        ...(selectedCredentials ? { selectedCredentials } : {}),
        ...(credentialsName ? { credentialsName } : {}),
        ...(authCode ? { authCode: new Secret(authCode) } : {}),
      },
    },
  };
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
