import { z } from 'zod';
import { type PropertyMeta, property, propertyMeta } from '../interface/fields.js';
import type { LoginMethod, Values } from '../interface/login.js';
import type { SourceManifest } from '../interface/manifest.js';
import type { PropertyProblem } from '../interface/property-problem.js';
import { revealed } from '../interface/secret.js';
import type { SignInMethod } from '../interface/sign-in.js';
import type { AnySource } from '../interface/source.js';

type Holder = NonNullable<PropertyMeta['holder']>;

/** Where a property stands says who holds it. */
function held(id: string, name: string, schema: z.ZodType, holder: Holder): z.ZodType {
  const meta = propertyMeta(schema);
  if (!meta) throw new Error(`property ${name} of ${id} has no metadata`);
  return (meta.holder ?? 'definition') === holder ? schema : property(schema, { ...meta, holder });
}

/** Credentials may be given later, so nothing of them is required here; `lackingOf` says what a login lacks. */
const optional = (schema: z.ZodType): z.ZodType =>
  schema.safeParse(undefined).success ? schema : schema.optional();

function propertiesOf({ id, properties, logins, clientSecrets = {} }: AnySource): z.ZodObject {
  const shape: Record<string, z.ZodType> = {};
  const given = new Map<string, unknown>();
  const add = (fields: z.ZodRawShape, holder: Holder, change = (schema: z.ZodType) => schema) => {
    for (const [name, schema] of Object.entries(fields)) {
      const one = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
      if (given.get(name) === one) continue;
      if (given.has(name)) throw new Error(`${id} has two properties ${name}`);
      given.set(name, one);
      shape[name] = change(held(id, name, schema as z.ZodType, holder));
    }
  };
  add(properties.shape, 'definition');
  for (const { fields } of Object.values(logins)) add(fields, 'credential', optional);
  add(clientSecrets, 'connection', optional);
  return z.strictObject(shape);
}

const isGiven = (login: Values, name: string) => (revealed(login[name]) ?? '') !== '';

/** Of alternatives, all of which are missing. */
function lackingOf({ label, required, lacking }: LoginMethod) {
  const sets = required.filter((entry): entry is readonly string[] => typeof entry !== 'string');
  if (sets.length === 0) return lacking;
  return (definition: Values, login: Values): PropertyProblem[] => [
    ...sets
      .filter((names) => !names.some((name) => isGiven(login, name)))
      .map(([first = '', ...others]) => {
        const rest = others.map((name) => `or ${name} `).join('');
        return { property: first, message: `${rest}is required for sign-in by ${label}` };
      }),
    ...(lacking?.(definition, login) ?? []),
  ];
}

function signInOf(id: string, method: LoginMethod): SignInMethod {
  const { label, fields, required, when, applies, needs, oauth } = method;
  const lacking = lackingOf(method);
  return {
    id,
    label,
    fields: Object.keys(fields),
    required: required.filter((entry) => typeof entry === 'string'),
    ...(when ? { when } : {}),
    ...(applies ? { applies: (definition) => applies(definition) } : {}),
    ...(needs ? { requiredOneOf: needs } : {}),
    ...(lacking ? { lacking: (definition, login) => lacking(definition, login) } : {}),
    ...(oauth ? { oauth } : {}),
  };
}

/** The method that a definition selects. */
const methodOf = ({ logins }: AnySource, definition: Values): LoginMethod | undefined =>
  Object.values(logins).find(
    ({ when = {}, applies }) =>
      Object.entries(when).every(([name, wanted]) => String(definition[name]) === wanted) &&
      applies?.(definition) !== false,
  );

/** @throws Error for a source that declares a property twice, or without metadata */
export function manifestOf(source: AnySource): SourceManifest {
  const { id, name, category, stage, links, icon, evidence, abilities, logins, settings } = source;
  const { target, targetWay, formerDefaults, queryCredential } = source;
  const hasConflicts = Object.values(logins).some(({ conflicts }) => conflicts !== undefined);
  return {
    ...{ id, name, category, stage, links, icon, evidence, settings },
    properties: propertiesOf(source),
    signIns: Object.entries(logins).map(([key, method]) => signInOf(key, method)),
    abilities,
    ...(target ? { target } : {}),
    ...(targetWay ? { targetWay } : {}),
    ...(formerDefaults ? { formerDefaults } : {}),
    ...(queryCredential === undefined ? {} : { queryCredential }),
    ...(source.arrange ? { arrange: (given) => source.arrange?.(given) ?? given } : {}),
    ...(source.conflicts ? { conflicts: (definition) => source.conflicts?.(definition) ?? [] } : {}),
    ...(source.forbidden ? { forbidden: (...given) => source.forbidden?.(...given) ?? [] } : {}),
    ...(hasConflicts
      ? {
          credentialConflicts: (login, definition) =>
            methodOf(source, definition)?.conflicts?.(login, definition) ?? [],
        }
      : {}),
  };
}
