import { isDeepStrictEqual } from 'node:util';

/** An answer differs from what the contract promises. */
export class Mismatch extends Error {
  override name = 'Mismatch';
  readonly expected: unknown;
  readonly got: unknown;

  /** @param what the part of the answer that is wrong. */
  constructor(what: string, expected: unknown, got: unknown) {
    super(what);
    this.expected = expected;
    this.got = got;
  }
}

/** @throws Mismatch unless both are deeply equal. */
export function expectEqual(what: string, got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) throw new Mismatch(what, expected, got);
}

/** @throws Mismatch unless the text matches. */
export function expectMatch(what: string, got: string, pattern: RegExp): void {
  if (!pattern.test(got)) throw new Mismatch(what, String(pattern), got);
}

/** The value at a path of member names and indexes joined by dots, or undefined. */
export function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        inner !== null && typeof inner === 'object' ? (inner as Record<string, unknown>)[name] : undefined,
      value,
    );
}

/** The string at a path. @throws Mismatch when it is missing or empty. */
export function textAt(value: unknown, path: string): string {
  const found = valueAt(value, path);
  if (typeof found !== 'string' || found === '') throw new Mismatch(path, 'a text', found);
  return found;
}

/** The list at a path. @throws Mismatch when it is missing. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = valueAt(value, path);
  if (!Array.isArray(found)) throw new Mismatch(path, 'a list', found);
  return found;
}
