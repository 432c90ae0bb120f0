import { z } from 'zod';
import { InvalidRequest } from './app-error.js';
import { assertStorable } from './storable.js';

// What documented clients send beside the schema: any casing of member names, the other spellings of a name,
// booleans and numbers as texts, null for absent. CONTRACT.md, "Tolerances".

interface Member {
  name: string;
  schema: z.ZodType;
}

const tables = new WeakMap<z.ZodObject, Map<string, Member>>();

function aliasesOf(schema: z.ZodType): readonly string[] {
  const own = schema.meta()?.['aliases'];
  if (Array.isArray(own)) return own as string[];
  return schema instanceof z.ZodOptional ? aliasesOf(schema.unwrap() as z.ZodType) : [];
}

function membersOf(schema: z.ZodObject): Map<string, Member> {
  const found = tables.get(schema);
  if (found) return found;
  const table = new Map<string, Member>();
  for (const [name, member] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    for (const spelling of [name, ...aliasesOf(member)])
      table.set(spelling.toLowerCase(), { name, schema: member });
  }
  tables.set(schema, table);
  return table;
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function scalar(schema: z.ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodBoolean && (value === 'true' || value === 'false')) return value === 'true';
  if (schema instanceof z.ZodNumber && typeof value === 'string' && /^-?\d{1,15}$/.test(value))
    return Number(value);
  if (schema instanceof z.ZodEnum && (typeof value === 'number' || typeof value === 'boolean'))
    return String(value);
  return value;
}

/**
 * The value with canonical member names and types, ready for the schema. Unknown members are left out.
 * @throws InvalidRequest when two spellings of one member disagree.
 */
export function tolerate(schema: z.ZodType, value: unknown, at = ''): unknown {
  const target = unwrap(schema);
  if (target instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item, index) => tolerate(target.element as z.ZodType, item, `${at}${index}.`));
  }
  if (
    !(target instanceof z.ZodObject) ||
    value === null ||
    typeof value !== 'object' ||
    Array.isArray(value)
  ) {
    return scalar(target, value);
  }
  const members = membersOf(target);
  const result: Record<string, unknown> = {};
  for (const [given, raw] of Object.entries(value)) {
    const member = members.get(given.toLowerCase());
    if (!member || raw === null || raw === undefined) continue;
    const tolerated = tolerate(member.schema, raw, `${at}${member.name}.`);
    const earlier = result[member.name];
    if (earlier !== undefined && JSON.stringify(earlier) !== JSON.stringify(tolerated)) {
      throw new InvalidRequest([
        { field: `${at}${given.slice(0, 64)}`, message: `disagrees with another spelling of ${member.name}` },
      ]);
    }
    result[member.name] = tolerated;
  }
  return result;
}

/** Tolerates, then validates. @throws InvalidRequest naming each field. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  fallbackField: string,
): z.output<Schema> {
  assertStorable(value, fallbackField);
  const parsed = schema.safeParse(tolerate(schema, value));
  if (parsed.success) return parsed.data;
  throw new InvalidRequest(
    parsed.error.issues.slice(0, 20).map((issue) => ({
      field:
        issue.path.length > 0
          ? issue.path.map((part) => String(part).slice(0, 128)).join('.')
          : fallbackField,
      message: issue.code === 'invalid_type' && issue.input === undefined ? 'is required' : issue.message,
    })),
  );
}
