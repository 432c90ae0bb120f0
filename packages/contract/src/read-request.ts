import { z } from 'zod';

// What a read asks of its rows: conditions, order, parameters. `docs/guides/filter-rows.md`.

const valuesMax = 1_000;
/** Digits of any decimal number that a double keeps. */
const digitsMax = 15;

/** JSON numbers become doubles, so one with more digits may not be the number that was sent. */
const keepsItsDigits = (value: number): boolean =>
  value.toExponential().replace(/e.*$/, '').replaceAll(/[-.]/g, '').length <= digitsMax;

const scalarSchema = z
  .union([
    z.null(),
    z.boolean(),
    z
      .number()
      .refine(keepsItsDigits, 'has more than 15 digits, so give it as text, for instance "9007199254740993"'),
    z.string().max(100_000),
  ])
  .meta({ id: 'Scalar', description: 'A value. A number with more than 15 digits is given as text' });

const column = z.string().max(1024).meta({ description: 'Name of a column' });

const comparisonSchema = z.union([
  z.strictObject({ column, op: z.enum(['eq', 'ne', 'lt', 'le', 'gt', 'ge']), value: scalarSchema }),
  z.strictObject({ column, op: z.literal('in'), value: z.array(scalarSchema).max(valuesMax) }),
  z.strictObject({ column, op: z.literal('null') }),
]);

type Comparison = z.output<typeof comparisonSchema>;
type Filter = { and: Filter[] } | { or: Filter[] } | { not: Filter } | Comparison;

/** Which rows to read. */
export const filterSchema: z.ZodType<Filter> = z
  .lazy(() =>
    z.union([
      z.strictObject({ and: z.array(filterSchema).min(1) }),
      z.strictObject({ or: z.array(filterSchema).min(1) }),
      z.strictObject({ not: filterSchema }),
      comparisonSchema,
    ]),
  )
  .meta({ id: 'Filter', description: 'A condition on columns' });

export const orderSchema = z
  .array(
    z.strictObject({
      column,
      direction: z.enum(['asc', 'desc']).default('asc'),
      nulls: z
        .enum(['first', 'last'])
        .optional()
        .meta({ description: 'Default: where the source puts them' }),
    }),
  )
  .min(1)
  .max(32);

const neutralTypeSchema = z.enum([
  'boolean',
  'integer',
  'bigint',
  'decimal',
  'float',
  'string',
  'date',
  'time',
  'timestamp',
  'datetime',
  'bytes',
  'json',
]);

const parameterSchema = z.union([
  scalarSchema,
  z.strictObject({ type: neutralTypeSchema, value: scalarSchema }),
]);

/** Values for the placeholders of a query. */
export const parametersSchema = z.union([
  z.array(parameterSchema).max(valuesMax),
  z
    .record(z.string().max(256), parameterSchema)
    .refine((values) => Object.keys(values).length <= valuesMax, `must have at most ${valuesMax} values`),
]);

/** Of the bytes of a file. */
export const rangeSchema = z
  .tuple([z.int().min(0), z.int().min(0)])
  .refine(([from, to]) => from <= to, 'must be [first, last], the first not after the last');
