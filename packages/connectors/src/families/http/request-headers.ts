import { z } from 'zod';
import { headerNameSchema, headerValueSchema, sealedHeaderNameSchema } from './headers.js';

// Request headers; those with `encrypt: true` are secrets of the credential.

const isTrue = (value: unknown): boolean => /^(?:true|1)$/i.test(String(value));

/** The value of an encrypted header is not part of the definition: `arrangeHeaders` has moved it. */
export const headerSchema = z
  .strictObject({
    name: z.string(),
    value: headerValueSchema,
    encrypt: z
      .union(
        [z.boolean(), z.literal([0, 1]), z.string().regex(/^(?:true|false|0|1)$/i)],
        'must be true or false',
      )
      .transform(isTrue)
      .optional(),
  })
  .superRefine(({ name, encrypt }, context) => {
    const schema = encrypt === true ? sealedHeaderNameSchema : headerNameSchema;
    const { error } = schema.safeParse(name);
    for (const { message } of error?.issues ?? [])
      context.addIssue({ code: 'custom', path: ['name'], message });
  });

interface GivenHeader {
  name: string;
  value?: unknown;
  encrypt?: unknown;
}

const isEncrypted = (header: unknown): header is GivenHeader =>
  typeof header === 'object' &&
  header !== null &&
  isTrue((header as GivenHeader).encrypt) &&
  typeof (header as GivenHeader).name === 'string';

/** Moves values of headers to encrypt from the definition, which is visible, to the credential. */
export function arrangeHeaders(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { queryHeaders, encryptedHeaders } = given;
  if (!Array.isArray(queryHeaders) || !queryHeaders.some(isEncrypted)) return { ...given };
  const values = queryHeaders
    .filter(isEncrypted)
    .filter(({ value }) => value !== undefined && value !== '')
    .map(({ name, value }) => ({ name, value }));
  const shown = queryHeaders.map((header: unknown) =>
    isEncrypted(header) ? { ...header, value: '', encrypt: true } : header,
  );
  const named = new Set(values.map(({ name }) => name.toLowerCase()));
  const others = (Array.isArray(encryptedHeaders) ? encryptedHeaders : []).filter(
    (header: GivenHeader | null) => !named.has(String(header?.name).toLowerCase()),
  );
  const sealed = [...others, ...values];
  return { ...given, queryHeaders: shown, ...(sealed.length > 0 ? { encryptedHeaders: sealed } : {}) };
}

/** Values of encrypted headers, as a credential holds them. */
export type SealedHeaders = readonly { name: string; value: string }[];

/** Lower-cased names of the headers whose values are secrets. */
export const encryptedHeaderNames = (definition: Readonly<Record<string, unknown>>): string[] =>
  (Array.isArray(definition['queryHeaders']) ? definition['queryHeaders'] : [])
    .filter(isEncrypted)
    .map(({ name }) => name.toLowerCase());
