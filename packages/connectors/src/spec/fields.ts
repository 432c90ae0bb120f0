import { z } from 'zod';

/**
 * What a manifest says about one connection property, beside its type.
 * The property's zod schema is the one place that holds it; forms, `api-specs`, validation and the
 * split between definition and vault are all derived from it.
 */
export interface PropertyMeta {
  /** Short label for people. */
  title: string;
  /** One or two sentences of help: meaning, unit, default. */
  description: string;
  /** The value is a secret: it is sealed in the vault and never returned. */
  secret?: boolean;
  /**
   * Who holds the value. `definition` (default): stored with the connection and visible.
   * `credential`: belongs to the person's credential and is sealed with it.
   * `connection`: a secret of the connection itself (an OAuth client secret), sealed in the vault.
   */
  holder?: 'definition' | 'credential' | 'connection';
  /**
   * Whether the value decides where a secret is sent. `value` (default): any change is another
   * destination. `address`: of the URL all but its query and fragment. `nothing`: harmless. Where a query
   * parameter or a header carries the secret, what names it decides as well.
   */
  decides?: 'value' | 'address' | 'nothing';
  /** Certificates to trust: large, so they do not count in the size of a definition, and lists leave them out. */
  certificates?: boolean;
  /** A list whose entries are told apart by their names: those that are not given anew stay. */
  entriesByName?: boolean;
  /** A list of names and values that are sent in the query of a URL. */
  sentInQuery?: boolean;
  placeholder?: string;
  /** The value names a host or URL that the service dials; tests aim such properties at a canary listener. */
  dials?: 'host' | 'url';
}

/** A file given inline: Qlik's `[{name, value}]` form for keys and certificates. Never a path. */
export const inlineFilesSchema = z
  .array(z.strictObject({ name: z.string().max(255), value: z.string().max(100_000) }))
  .max(8);

export type InlineFiles = z.infer<typeof inlineFilesSchema>;

const noControlCharacters = /^\P{Cc}*$/u;

/** Text of one line: control characters are refused, so nothing can smuggle a line break into a protocol. */
export const line = (lengthMax = 1024) =>
  z.string().max(lengthMax).regex(noControlCharacters, 'must not contain control characters');

/** Attaches the metadata to a zod schema; keeps the schema's type. */
export function property<Schema extends z.ZodType>(schema: Schema, meta: PropertyMeta): Schema {
  return schema.meta({ ...meta }) as Schema;
}

/** Reads the metadata back, looking through `optional()` and `default()`. */
export function propertyMeta(schema: z.ZodType): PropertyMeta | undefined {
  const meta = schema.meta();
  if (meta && typeof meta['title'] === 'string') return meta as unknown as PropertyMeta;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return propertyMeta(schema.unwrap() as z.ZodType);
  }
  return undefined;
}

/** Text, number or boolean, kept as text: a connect statement knows nothing else, and reads back what it says. */
export const scalarText = (lengthMax: number) => z.union([line(lengthMax), z.number(), z.boolean()]);

/**
 * What Qlik publishes for its own driver and nothing here depends on: taken, kept as text, and without effect.
 * @param title as it is shown
 */
export const tuning = (title: string) =>
  property(scalarText(256), {
    title,
    description: 'Accepted for compatibility: it tunes another driver and changes nothing here.',
    decides: 'nothing',
  }).optional();
