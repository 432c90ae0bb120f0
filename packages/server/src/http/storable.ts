import { InvalidRequest } from './app-error.js';

const depthMax = 32;
/** PostgreSQL keeps no NUL in a text, and half a surrogate pair cannot be written as UTF-8. */
const unstorable = /\0|\p{Cs}/u;

/**
 * Refuses what validation by schema may let through and a store or a serialiser could stumble over: NUL, broken
 * Unicode, and nesting without end. Names the member, whatever it is called.
 * @throws InvalidRequest
 */
export function assertStorable(value: unknown, at: string, depth = 0): void {
  if (typeof value === 'string' && unstorable.test(value)) {
    throw new InvalidRequest([{ field: at, message: 'must not contain NUL or broken Unicode' }]);
  }
  if (value === null || typeof value !== 'object') return;
  if (depth >= depthMax) {
    throw new InvalidRequest([{ field: at, message: `is nested deeper than ${depthMax} levels` }]);
  }
  for (const [name, member] of Object.entries(value)) {
    assertStorable(name, 'member name', depth + 1);
    assertStorable(
      member,
      depth === 0 ? name.slice(0, 128) : `${at}.${name.slice(0, 128)}`.slice(0, 256),
      depth + 1,
    );
  }
}
