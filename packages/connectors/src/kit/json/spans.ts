import type { JsonValue } from '../../spec/data-types.js';

/**
 * A value within JSON text in UTF-8: what is looked for is found without making the values around it. The text must
 * have passed a gauge, so that walking it can trust nesting, commas and colons.
 */
export interface JsonSpan {
  bytes: Buffer;
  /** The value's first byte. */
  start: number;
  /** Behind its last one. */
  end: number;
}

const quote = 0x22;
const backslash = 0x5c;

export const isBlank = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipBlank(bytes: Buffer, from: number, end = bytes.length): number {
  let at = from;
  while (at < end && isBlank(bytes[at] as number)) at += 1;
  return at;
}

/** Behind the string that begins here. */
function stringEnd(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === backslash) at += 1;
    else if (byte === quote) return at + 1;
  }
  return bytes.length;
}

/** Behind the value that begins here. */
function valueEnd(bytes: Buffer, from: number): number {
  let at = from;
  for (let depth = 0; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === quote) {
      at = stringEnd(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) {
      // The end of what holds a number or word.
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (
      depth === 0 &&
      (byte === 0x2c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)
    ) {
      return at;
    }
    at += 1;
  }
  return at;
}

function spanAt(bytes: Buffer, from: number): JsonSpan {
  const start = skipBlank(bytes, from);
  return { bytes, start, end: valueEnd(bytes, start) };
}

/** The value of a whole text. */
export const wholeSpan = (bytes: Buffer): JsonSpan => spanAt(bytes, 0);

/** The values of a text that has several, one behind the other. */
export function* valuesOf(bytes: Buffer): Generator<JsonSpan> {
  for (let at = skipBlank(bytes, 0); at < bytes.length; ) {
    const value = spanAt(bytes, at);
    yield value;
    at = skipBlank(bytes, value.end);
  }
}

/** A text without the white space around it, of which a parser must say whether it is one value. */
export function trimmedSpan(bytes: Buffer, start = 0, end = bytes.length): JsonSpan {
  const first = skipBlank(bytes, start, end);
  let last = end;
  while (last > first && isBlank(bytes[last - 1] as number)) last -= 1;
  return { bytes, start: first, end: last };
}

export const isObjectSpan = ({ bytes, start }: JsonSpan): boolean => bytes[start] === 0x7b;
export const isArraySpan = ({ bytes, start }: JsonSpan): boolean => bytes[start] === 0x5b;
export const isNullSpan = ({ bytes, start, end }: JsonSpan): boolean =>
  end - start === 4 && bytes.toString('latin1', start, end) === 'null';

/** The items of an array, found one by one. */
export function* itemsOf({ bytes, start }: JsonSpan): Generator<JsonSpan> {
  let at = skipBlank(bytes, start + 1);
  while (at < bytes.length && bytes[at] !== 0x5d) {
    const item = spanAt(bytes, at);
    yield item;
    at = skipBlank(bytes, item.end);
    if (bytes[at] === 0x2c) at = skipBlank(bytes, at + 1);
  }
}

/**
 * Names and values of an object, found one by one, in the order of the text.
 * @throws SyntaxError for a name that is spelt wrong
 */
export function* membersOf({ bytes, start }: JsonSpan): Generator<readonly [name: string, value: JsonSpan]> {
  let at = skipBlank(bytes, start + 1);
  while (at < bytes.length && bytes[at] !== 0x7d) {
    const nameEnd = stringEnd(bytes, at);
    const name = parseSpan({ bytes, start: at, end: nameEnd });
    const value = spanAt(bytes, skipBlank(bytes, nameEnd) + 1);
    yield [String(name), value];
    at = skipBlank(bytes, value.end);
    if (bytes[at] === 0x2c) at = skipBlank(bytes, at + 1);
  }
}

/** @throws SyntaxError for a number, word or string that is spelt wrong */
export function parseSpan({ bytes, start, end }: JsonSpan): JsonValue {
  return JSON.parse(bytes.toString('utf8', start, end)) as JsonValue;
}
