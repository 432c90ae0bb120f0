import { z } from 'zod';

// Value forms that documented clients send, and error texts for values that are not accepted. CONTRACT.md, "Tolerances".

/** Unwraps `optional`, `default` and `nullable`. */
export function innermost(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return innermost(schema.unwrap() as z.ZodType);
  }
  return schema;
}

const truths: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };

function booleanOf(value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  const text = String(value).toLowerCase();
  return Object.hasOwn(truths, text) ? truths[text] : value;
}

/**
 * The only coercion: `true` and `false` in any case, 1 and 0 to boolean; decimal digits to number; a number or boolean
 * to text where the schema is an enum (`OAuthMechanism: 1`) or a union.
 */
export function coerceScalar(schema: z.ZodType, value: unknown): unknown {
  const kind = innermost(schema);
  if (kind instanceof z.ZodBoolean) return booleanOf(value);
  if (kind instanceof z.ZodNumber && typeof value === 'string' && /^-?\d{1,15}$/.test(value))
    return Number(value);
  const takesText = kind instanceof z.ZodEnum || kind instanceof z.ZodUnion;
  if (takesText && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  return value;
}

const kindWords: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return 'true or false';
  return kindWords[typeof value] ?? typeof value;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

const isOfKind = ({ code, path }: z.core.$ZodIssue): boolean => code === 'invalid_type' && path.length === 0;

/** Lists the kinds that the union accepts or, for a value of one of these kinds, says what is wrong with it. */
function unionFault(issue: z.core.$ZodIssueInvalidUnion, value: unknown): string {
  if (value === undefined) return 'is required';
  if (issue.message !== 'Invalid input') return issue.message;
  const branches = issue.errors.flatMap(([first]) => first ?? []);
  const ofItsKind = branches.filter((each) => !isOfKind(each));
  const faults = ofItsKind.map((each) => [...each.path.map(String), valueFault(each, value)].join(': '));
  const found = faults.find((fault) => !fault.endsWith('is required')) ?? faults[0];
  if (found !== undefined) return found;
  const kinds = branches.map((each) => kindWords['expected' in each ? each.expected : ''] ?? 'another value');
  return `must be ${[...new Set(kinds)].join(' or ')}, not ${kindOf(value)}`;
}

/**
 * Error text for a value, to follow the name of its field. Never contains the value, which may be a secret.
 * @param input what the schema was given
 */
export function valueFault(issue: z.core.$ZodIssue, input: unknown): string {
  const value = valueAt(input, issue.path);
  if (issue.code === 'invalid_union') return unionFault(issue, value);
  if (value === undefined && issue.code === 'invalid_value' && issue.message.startsWith('Invalid'))
    return 'is required';
  if (issue.code !== 'invalid_type') return issue.message;
  if (value === undefined) return 'is required';
  if (!issue.message.startsWith('Invalid input')) return issue.message;
  const wanted = kindWords[issue.expected ?? ''];
  if (wanted === undefined) return issue.message;
  if (typeof value === 'number' && issue.expected === 'int') return 'must be an integer';
  return `must be ${wanted}, not ${kindOf(value)}`;
}
