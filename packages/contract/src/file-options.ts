import { z } from 'zod';

/** A CSV delimiter, quote or escape: one character. */
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

/** How to read a file: options of a request, defaults of a connection, or what was detected. */
export const fileOptionsSchema = z
  .strictObject({
    format: z
      .enum(['csv', 'tsv', 'json', 'ndjson', 'parquet'])
      .optional()
      .meta({ description: 'File format; default: by the file extension' }),
    encoding: z
      .string()
      .regex(/^[\w.:-]{1,40}$/, 'must be the name of an encoding, such as utf-8 or windows-1252')
      .optional()
      .meta({
        description:
          'Encoding of a text file, by its name in the WHATWG Encoding Standard, or utf-32le or utf-32be; default: by the byte order mark, else utf-8',
      }),
    delimiter: mark('').optional().meta({
      description: 'CSV: field delimiter; default: detected among comma, semicolon, tab and pipe',
    }),
    quote: z
      .union([z.literal(''), mark(', or empty for none')])
      .optional()
      .meta({ description: 'CSV: quote character; default: `"`; empty: fields are not quoted' }),
    escape: mark('').optional().meta({
      description: 'CSV: escape character before a quote in a quoted field; default: the quote itself',
    }),
    lineEnd: z.enum(['\n', '\r\n', '\r']).optional().meta({
      description:
        'CSV: record terminator; default: detected. `\\n` accepts CR LF too; any other line break is part of a field',
    }),
    header: z.boolean().optional().meta({
      description:
        'CSV: the first record has the column names; default: true. With false they are column_1, …',
    }),
    skipInitialSpace: z.boolean().optional().meta({ description: 'CSV: ignore spaces after a delimiter' }),
    trailingDelimiter: z
      .boolean()
      .optional()
      .meta({ description: 'CSV: every record ends with an extra delimiter' }),
    nullText: z.string().max(64).optional().meta({
      description: 'CSV: unquoted text that means null; empty: empty fields are null',
    }),
    columnTypes: z.record(z.string().max(1024), columnTypeSchema).optional().meta({
      description: 'CSV: column types by name, default `string`; empty fields of other types are null',
    }),
  })
  .refine(({ delimiter, quote = '"' }) => delimiter === undefined || delimiter !== quote, {
    path: ['delimiter'],
    message: 'must not be the quote',
  })
  .meta({ id: 'FileOptions' });

export type FileOptions = z.output<typeof fileOptionsSchema>;
export type ColumnType = z.output<typeof columnTypeSchema>;
