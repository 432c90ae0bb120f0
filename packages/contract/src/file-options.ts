import { z } from 'zod';

/** One character that can stand between or around values. */
const mark = (what: string) =>
  z
    .string()
    .regex(/^[^\r\n\ud800-\udfff]$/, `must be one character${what}`)
    .refine((text) => text !== '\0', 'must not be NUL');

export const columnTypeSchema = z.enum([
  'string',
  'integer',
  'bigint',
  'decimal',
  'float',
  'boolean',
  'date',
  'time',
  'timestamp',
  'datetime',
  'json',
]);

/** How a file is read: what a request says of it, what a connection has as its default, and what was found out. */
export const fileOptionsSchema = z
  .strictObject({
    format: z
      .enum(['csv', 'tsv', 'json', 'ndjson', 'parquet'])
      .optional()
      .meta({ description: 'What it is; default: by the ending of its name' }),
    encoding: z
      .string()
      .regex(/^[\w.:-]{1,40}$/, 'must be the name of an encoding such as utf-8 or windows-1252')
      .optional()
      .meta({
        description:
          'Encoding of a text file, by its name in the Encoding Standard, or utf-32le or utf-32be; default: a mark at its beginning, else utf-8',
      }),
    delimiter: mark('').optional().meta({
      description: 'CSV: what stands between fields; default: detected among comma, semicolon, tab and pipe',
    }),
    quote: z
      .union([z.literal(''), mark(', or empty for none')])
      .optional()
      .meta({ description: 'CSV: what stands around fields, `"` by default; empty: nothing does' }),
    escape: mark('')
      .optional()
      .meta({ description: 'CSV: what stands before a quote within quotes, by default the quote itself' }),
    lineEnd: z.enum(['\n', '\r\n', '\r']).optional().meta({
      description:
        'CSV: what ends a record; default: detected. `\\n` takes CR LF too; what ends none is text',
    }),
    header: z.boolean().optional().meta({
      description: 'CSV: the first record names the columns, true by default; else they are column_1, …',
    }),
    skipInitialSpace: z
      .boolean()
      .optional()
      .meta({ description: 'CSV: blanks behind a delimiter are no part of the field' }),
    trailingDelimiter: z
      .boolean()
      .optional()
      .meta({ description: 'CSV: each record ends with one more delimiter' }),
    nullText: z.string().max(64).optional().meta({
      description: 'CSV: a field that is null, where it stands without quotes; empty: empty fields are null',
    }),
    columnTypes: z.record(z.string().max(1024), columnTypeSchema).optional().meta({
      description:
        'CSV: types of columns by name, `string` by default; an empty field of another type is null',
    }),
  })
  .refine(({ delimiter, quote = '"' }) => delimiter === undefined || delimiter !== quote, {
    path: ['delimiter'],
    message: 'must not be the quote',
  })
  .meta({ id: 'FileOptions' });

export type FileOptions = z.output<typeof fileOptionsSchema>;
export type ColumnType = z.output<typeof columnTypeSchema>;
