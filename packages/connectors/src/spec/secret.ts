import { inspect } from 'node:util';

const mask = '[secret]';

/**
 * A value that hides itself: string conversion, JSON and `inspect` print a mask, and a structured clone has nothing of
 * it. The ways to the value are {@link Secret.reveal} and {@link revealedJson}, so that every reader can be found by name.
 */
export class Secret<Value> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  reveal(): Value {
    return this.#value;
  }

  /** Whether both hide the same text. Two secrets are never the same object. */
  equals(other: Secret<Value> | undefined): boolean {
    return other !== undefined && other.#value === this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}

/** The value behind a secret; anything else as it is. */
export const revealed = (value: unknown): unknown => (value instanceof Secret ? value.reveal() : value);

/**
 * A structure as JSON with the secrets in it, for what seals it, digests it or hands it to a process of ours. `JSON.stringify`
 * would write masks.
 */
export const revealedJson = (value: unknown): string =>
  JSON.stringify(value, function reveal(this: Record<string, unknown>, key: string, member: unknown) {
    const held = this[key];
    return held instanceof Secret ? held.reveal() : member;
  });
