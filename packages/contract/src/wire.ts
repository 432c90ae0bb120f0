import { z } from 'zod';
import { errorTable } from './errors.js';

// Building blocks of the wire form, shared by several features' schemas.

/** Id of a connection or credential: RFC 4122 text. */
export const uuidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, 'must be a UUID')
  .transform((id) => id.toLowerCase())
  .meta({ format: 'uuid' });

/** Id of a user or space: 24 hexadecimal digits. */
export const objectIdSchema = z.string().regex(/^[0-9a-f]{24}$/i, 'must be 24 hexadecimal digits');

/** ISO 8601 in UTC with `Z`. */
export const instantSchema = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC' });

/**
 * Rules for every name that a user chooses: stored as entered, or refused. Normalised to NFC, so that names that look
 * the same are equal.
 */
const named = (text: z.ZodString) =>
  z
    .string()
    .transform((name) => name.normalize('NFC'))
    .pipe(
      text
        .min(1, 'must not be empty')
        .max(256)
        .refine((name) => name === name.trim(), 'must not begin or end with a space')
        .refine(
          (name) => name !== '.' && name !== '..',
          'must not be . or .., which clients remove from URL paths',
        ),
    );

export const nameSchema = named(
  z.string().regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must not contain control or invisible characters'),
);

/** Qlik's restrictions for names of spaces. */
export const spaceNameSchema = named(
  z
    .string()
    .regex(/^[^"*?<>/|\\:\p{Cc}\p{Cf}]+$/u, 'must not contain " * ? < > / | \\ : or control characters'),
);

/** `{self: {href}}` and, for lists, `next` and `prev`. */
export const linkSchema = z.object({ href: z.string() });
export const selfLinksSchema = z.object({ self: linkSchema });
export const listLinksSchema = z.object({
  self: linkSchema.optional(),
  next: linkSchema.optional(),
  prev: linkSchema.optional(),
});

export const errorItemSchema = z
  .object({
    code: z.enum(Object.keys(errorTable) as [string, ...string[]]).meta({ description: 'Stable code' }),
    title: z.string().meta({ description: 'Meaning of the code' }),
    detail: z.string().optional().meta({ description: 'What happened in this case, naming the field' }),
    status: z.int().meta({ description: 'HTTP status' }),
    meta: z.record(z.string(), z.unknown()).optional().meta({ description: 'Machine-readable details' }),
  })
  .meta({ id: 'ErrorItem' });

export const errorsSchema = z
  .object({
    errors: z.array(errorItemSchema),
    traceId: z.string().meta({ description: 'Id of the request in the log' }),
  })
  .meta({ id: 'Errors' });

const cursorSchema = z.string().min(1).max(4096).optional();

/** Qlik's documented 429 body, which has no `status` and no `traceId`. */
export const rateLimitedSchema = z
  .object({ errors: z.array(errorItemSchema.omit({ status: true, meta: true })) })
  .meta({ id: 'RateLimited' });

/** Query parameters of lists with page tokens. */
export const pageQuery = {
  limit: z.int().min(1).max(100).optional(),
  next: cursorSchema,
  prev: cursorSchema,
};

/** RFC 6902, only the three operations that Qlik documents; member names in any casing. */
export const patchBodySchema = z
  .array(
    z.object({
      op: z.enum(['add', 'replace', 'remove']),
      path: z.string().min(1).max(1024).startsWith('/', 'must begin with a slash'),
      value: z.unknown().optional(),
    }),
    {
      error: ({ input }) =>
        typeof input === 'object' && input !== null && 'patchData' in input
          ? 'must be the list of changes itself, not an object with a member patchData'
          : undefined,
    },
  )
  .max(100)
  .meta({ id: 'Patch' });
export type PatchBody = z.output<typeof patchBodySchema>;
