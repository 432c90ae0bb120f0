import { coerceScalar, valueFault } from '@mooring/contract/values';
import type { z } from 'zod';
import type { PropertyProblem } from '../interface/property-problem.js';
import { revealed } from '../interface/secret.js';

/** Matches names case-insensitively, drops `null`, coerces scalars; collects unknown names. */
export function canonical(shape: Record<string, z.ZodType>, input: Record<string, unknown>) {
  const known = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  const value: Record<string, unknown> = Object.create(null);
  const problems: PropertyProblem[] = [];
  for (const [given, raw] of Object.entries(input)) {
    const name = known.get(given.toLowerCase());
    const schema = name === undefined ? undefined : shape[name];
    if (name === undefined || schema === undefined) {
      problems.push({ property: given.slice(0, 128), message: 'is not a property of this data source' });
      continue;
    }
    if (raw === null || raw === undefined) continue;
    const coerced = coerceScalar(schema, revealed(raw));
    if (name in value && value[name] !== coerced) {
      problems.push({ property: given.slice(0, 128), message: 'is given twice with different values' });
      continue;
    }
    value[name] = coerced;
  }
  return { value, problems };
}

/** The problems that a schema finds in an input. */
export function problemsOf(error: z.ZodError, input: unknown): PropertyProblem[] {
  return error.issues.map((issue) => ({
    property: issue.path.length > 0 ? issue.path.join('.') : 'connectionProperties',
    message: valueFault(issue, input),
  }));
}
