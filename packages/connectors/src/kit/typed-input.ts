import { z } from 'zod';
import type { Endpoint } from '../interface/endpoint.js';
import { ConnectorError } from '../interface/errors.js';
import { propertyMeta } from '../interface/fields.js';
import type { LoginOf, Logins, TokenSource, Values } from '../interface/login.js';
import { revealed, Secret } from '../interface/secret.js';
import type { InputOf, Source } from '../interface/source.js';

// Stored values become typed here and nowhere else. They were valid when they were stored; a newer version of a source
// may know better.

/** What a session is opened with, as it is stored. */
export interface StoredInput {
  /** Definition properties. */
  definition: Values;
  /** Key of the login method. */
  method: string;
  /** Credential properties, secrets hidden. Those of other methods are left out. */
  fields: Values;
  /** The operator's `sources.<id>`. */
  settings: Values;
  token?: TokenSource | undefined;
}

const reenter = 'Update the connection with a valid value, or create it again.';

/** Names what is wrong. A value could be a secret, and so could what a schema says of it. */
function invalid(error: z.ZodError, nameOf: (property: string) => string, remedy: string): ConnectorError {
  const [first] = error.issues;
  const unknown = first?.code === 'unrecognized_keys' ? first.keys[0] : undefined;
  const property = unknown ?? String(first?.path[0] ?? '');
  return new ConnectorError('invalid_config', `${nameOf(property)} is missing or not valid.`, { remedy });
}

/**
 * Only what the source declares. A stored definition may also have properties without effect, which compatibility with
 * other drivers accepts.
 */
const declared = (schema: z.ZodObject, values: Values): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(schema.shape, name)));

function typedProperties<P extends z.ZodObject>(schema: P, definition: Values): z.output<P> {
  const parsed = schema.safeParse(declared(schema, definition));
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error, (name) => `The property ${JSON.stringify(name)} of the connection`, reenter);
}

function typedSettings<S extends z.ZodObject>(id: string, schema: S, settings: Values): z.output<S> {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const remedy = 'The operator of this server must correct it.';
  throw invalid(parsed.error, (name) => `The setting sources.${id}.${name}`, remedy);
}

function typedFields(shape: z.ZodRawShape, fields: Values): Record<string, unknown> {
  const schema = z.object(shape);
  const isSecret = (name: string) => propertyMeta(shape[name] as z.ZodType)?.secret === true;
  const shown = Object.fromEntries(
    Object.entries(declared(schema, fields))
      // A secret that was not hidden on its way may have been seen on its way.
      .filter(([name, value]) => value instanceof Secret || !isSecret(name))
      .map(([name, value]) => [name, revealed(value)]),
  );
  const parsed = schema.safeParse(shown);
  if (!parsed.success) {
    const remedy = 'Provide the credential again.';
    throw invalid(parsed.error, (name) => `${JSON.stringify(name)} of the credential`, remedy);
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([name, value]) => [
      name,
      isSecret(name) && value !== undefined ? new Secret(value) : value,
    ]),
  );
}

/**
 * What a connector opens a session with: everything parsed, with defaults, secrets hidden.
 * @throws ConnectorError `invalid_config` naming the property or setting, never a value
 */
export function typedInput<P extends z.ZodObject, L extends Logins, S extends z.ZodObject>(
  source: Pick<Source<P, L, S>, 'id' | 'properties' | 'logins' | 'settings'>,
  { definition, method, fields, settings, token }: StoredInput,
): InputOf<P, L, S> {
  const way = Object.hasOwn(source.logins, method) ? source.logins[method] : undefined;
  if (!way) {
    throw new ConnectorError('invalid_config', 'The credential is for a sign-in that no longer exists.', {
      remedy: 'Provide the credential again.',
    });
  }
  const login = { method, fields: typedFields(way.fields, fields), ...(token ? { token } : {}) };
  return {
    properties: typedProperties(source.properties, definition),
    settings: typedSettings(source.id, source.settings, settings),
    login: login as unknown as LoginOf<L>,
  };
}

/**
 * Where a definition leads, in the order in which it is dialled.
 * @throws ConnectorError `invalid_config` naming the property or setting, never a value
 */
export function endpointsOf<P extends z.ZodObject, L extends Logins, S extends z.ZodObject>(
  source: Pick<Source<P, L, S>, 'id' | 'properties' | 'settings' | 'endpoints'>,
  definition: Values,
  settings: Values,
): readonly Endpoint[] {
  const typed = typedProperties(source.properties, definition);
  return source.endpoints(typed, typedSettings(source.id, source.settings, settings));
}
