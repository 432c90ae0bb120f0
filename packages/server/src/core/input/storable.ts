import { invalidField } from '../errors/app-error.js';

const depthMax = 32;
/** PostgreSQL cannot store NUL in text, and a lone surrogate cannot be encoded as UTF-8. */
const unstorable = /\0|\p{Cs}/u;
const badText = 'must not contain NUL or broken Unicode';

interface Problem {
  message: string;
  /** Path of names to the value; absent where the name itself is not valid. */
  path?: string[];
}

const within = ({ message, path }: Problem, name: string): Problem =>
  path ? { message, path: [name.slice(0, 128), ...path] } : { message };

/** A body can have tens of thousands of values, so a path is built only for an invalid one. */
function problemIn(value: unknown, depth: number): Problem | undefined {
  if (typeof value === 'string') return unstorable.test(value) ? { message: badText, path: [] } : undefined;
  if (value === null || typeof value !== 'object') return undefined;
  if (depth >= depthMax) return { message: `is nested deeper than ${depthMax} levels`, path: [] };
  const list = Array.isArray(value) ? value : undefined;
  // Indexes as text would be created only to be discarded.
  for (let index = 0; list !== undefined && index < list.length; index += 1) {
    const problem = problemIn(list[index], depth + 1);
    if (problem) return within(problem, String(index));
  }
  if (list) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const problem = unstorable.test(name) ? { message: badText } : problemIn(member, depth + 1);
    if (problem) return within(problem, name);
  }
  return undefined;
}

/**
 * Refuses what schema validation may accept but a store or serializer cannot handle: NUL, broken Unicode, and
 * unlimited nesting. Names the member.
 * @param at name of the value itself
 * @throws InvalidRequest
 */
export function assertStorable(value: unknown, at: string): void {
  const problem = problemIn(value, 0);
  if (!problem) return;
  const { message, path } = problem;
  const field = path ? path.join('.').slice(0, 256) || at : 'member name';
  throw invalidField(field, message);
}
