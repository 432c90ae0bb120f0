import { coerceScalar, innermost, valueFault } from '@mooring/contract/values';
import { z } from 'zod';
import { InvalidRequest, invalidField } from '../errors/app-error.js';
import { assertStorable } from './storable.js';

// Input that documented clients send outside the schema: any casing of member names, alternative spellings, booleans
// and numbers as strings, null for absent. CONTRACT.md, "Tolerances".

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

/** Called with the full name of each unknown member. */
export type OnUnknown = (field: string, known: readonly string[]) => void;

interface Place {
  /** Names of the enclosing members, each followed by a dot. */
  at: string;
  onUnknown: OnUnknown | undefined;
}

/**
 * The value with canonical member names and types, ready for the schema. Unknown members are dropped, unless the
 * schema accepts any (`catchall`).
 * @throws InvalidRequest when two spellings of one member disagree.
 */
export function tolerate(
  schema: z.ZodType,
  value: unknown,
  { at, onUnknown }: Place = { at: '', onUnknown: undefined },
): unknown {
  const target = innermost(schema);
  if (target instanceof z.ZodArray && Array.isArray(value)) {
    const item = target.element as z.ZodType;
    return value.map((member, index) => tolerate(item, member, { at: `${at}${index}.`, onUnknown }));
  }
  if (
    !(target instanceof z.ZodObject) ||
    value === null ||
    typeof value !== 'object' ||
    Array.isArray(value)
  ) {
    return coerceScalar(target, value);
  }
  const members = membersOf(target);
  const result: Record<string, unknown> = Object.create(null);
  for (const [given, raw] of Object.entries(value)) {
    const member = members.get(given.toLowerCase());
    if (!member && target.def.catchall) result[given] = raw;
    else if (!member) onUnknown?.(`${at}${given.slice(0, 128)}`, Object.keys(target.shape));
    if (!member || raw === null || raw === undefined) continue;
    const tolerated = tolerate(member.schema, raw, { at: `${at}${member.name}.`, onUnknown });
    const earlier = result[member.name];
    if (earlier !== undefined && JSON.stringify(earlier) !== JSON.stringify(tolerated)) {
      throw invalidField(`${at}${given.slice(0, 64)}`, `disagrees with another spelling of ${member.name}`);
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
  onUnknown?: OnUnknown,
): z.output<Schema> {
  assertStorable(value, fallbackField);
  const tolerated = tolerate(schema, value, { at: '', onUnknown });
  const parsed = schema.safeParse(tolerated);
  if (parsed.success) return parsed.data;
  throw new InvalidRequest(
    parsed.error.issues.slice(0, 20).map((issue) => ({
      field:
        issue.path.length > 0
          ? issue.path.map((part) => String(part).slice(0, 128)).join('.')
          : fallbackField,
      message: valueFault(issue, tolerated),
    })),
  );
}
