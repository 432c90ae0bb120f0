import { inspect } from 'node:util';

const mask = '[secret]';

/**
 * A value that hides itself: string conversion, JSON and `inspect` print a mask. The one way to the value is
 * {@link Secret.reveal}, so that every reader can be found by name.
 */
export class Secret<Value> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  reveal(): Value {
    return this.#value;
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
