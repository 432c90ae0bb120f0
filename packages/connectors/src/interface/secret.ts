import { inspect } from 'node:util';

const mask = '[secret]';

/**
 * A value that hides itself: string conversion, JSON and `inspect` print a mask, and a structured clone does not
 * contain it. Only {@link Secret.reveal} and {@link revealedJson} return the value, so that every reader can be found
 * by name.
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

/** A token for the API at one origin. */
export class OriginToken extends Secret<string> {
  readonly apiOrigin: string;

  constructor(value: string, apiOrigin: string) {
    super(value);
    this.apiOrigin = apiOrigin;
  }
}

/** The value behind a secret; anything else unchanged. */
export const revealed = (value: unknown): unknown => (value instanceof Secret ? value.reveal() : value);

/**
 * A structure as JSON including its secrets, for sealing, digests or another process of Mooring. `JSON.stringify` would write
 * masks.
 */
export const revealedJson = (value: unknown): string =>
  JSON.stringify(value, function reveal(this: Record<string, unknown>, key: string, member: unknown) {
    const held = this[key];
    return held instanceof Secret ? held.reveal() : member;
  });
