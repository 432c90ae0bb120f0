import { z } from 'zod';
import type { Secret } from './secret.js';

/**
 * What a manifest declares about a connection property besides its type. The property's zod schema is the only place
 * that holds it; forms, `api-specs`, validation and the split between definition and vault are derived from it.
 */
export interface PropertyMeta {
  /** Short label. */
  title: string;
  /** One or two sentences of help: meaning, unit, default. */
  description: string;
  /** The value is a secret: sealed in the vault and never returned. */
  secret?: boolean;
  /**
   * Who holds the value. `definition` (default): stored with the connection and visible. `credential`: part of the
   * user's credential and sealed with it. `connection`: a secret of the connection itself (an OAuth client secret),
   * sealed in the vault.
   */
  holder?: 'definition' | 'credential' | 'connection';
  /**
   * Whether the value decides where a secret is sent. `value` (default): any change is another destination. `address`:
   * all of the URL except query and fragment. `nothing`: harmless. A query parameter or header name that carries a
   * secret is part of the destination, too.
   */
  decides?: 'value' | 'address' | 'nothing';
  /** Certificates to trust. Large, so they do not count towards the size of a definition, and lists omit them. */
  certificates?: boolean;
  /** A list whose entries are identified by their names: entries that are not given again stay. */
  entriesByName?: boolean;
  /** A list of names and values that are sent in a URL query. */
  sentInQuery?: boolean;
  placeholder?: string;
  /** The value names a host or URL that the service dials; tests point such properties at a canary listener. */
  dials?: 'host' | 'url';
}

/** A file given inline: Qlik's `[{name, value}]` form for keys and certificates. Never a path. */
export const inlineFilesSchema = z
  .array(z.strictObject({ name: z.string().max(255), value: z.string().max(100_000) }))
  .max(8);

export type InlineFiles = z.infer<typeof inlineFilesSchema>;

const noControlCharacters = /^\P{Cc}*$/u;

/** Single-line text: control characters are refused, so nothing can inject a line break into a protocol. */
export const line = (lengthMax = 1024) =>
  z.string().max(lengthMax).regex(noControlCharacters, 'must not contain control characters');

/** Attaches the metadata to a zod schema; keeps the schema's type. */
export function property<Schema extends z.ZodType>(schema: Schema, meta: PropertyMeta): Schema {
  return schema.meta({ ...meta }) as Schema;
}

declare const secretMark: unique symbol;

/** A schema of which the type says that its value is a secret. */
export type Marked<Schema extends z.ZodType> = Schema & { readonly [secretMark]: true };

/** A property whose value is a secret: sealed in the vault, never returned, and a `Secret` in code. */
export const secret = <Schema extends z.ZodType>(
  schema: Schema,
  meta: Omit<PropertyMeta, 'secret' | 'holder'>,
): Marked<Schema> => property(schema, { ...meta, secret: true, holder: 'credential' }) as Marked<Schema>;

type IsSecret<Schema> = Schema extends { [secretMark]: true }
  ? true
  : Schema extends z.ZodOptional<infer Inner> | z.ZodDefault<infer Inner>
    ? IsSecret<Inner>
    : false;

type Output<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/** What code receives of properties: their parsed values, those of secrets hidden. */
export type Typed<Shape extends z.ZodRawShape> = {
  [Name in keyof Output<Shape>]: IsSecret<Shape[Name & keyof Shape]> extends true
    ? Secret<NonNullable<Output<Shape>[Name]>>
    : Output<Shape>[Name];
};

/** Reads the metadata, through `optional()` and `default()`. */
export function propertyMeta(schema: z.ZodType): PropertyMeta | undefined {
  const meta = schema.meta();
  if (meta && typeof meta['title'] === 'string') return meta as unknown as PropertyMeta;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return propertyMeta(schema.unwrap() as z.ZodType);
  }
  return undefined;
}

/** Text, number or boolean, stored as text: a connect statement has no other type, and must read back as written. */
export const scalarText = (lengthMax: number) => z.union([line(lengthMax), z.number(), z.boolean()]);
