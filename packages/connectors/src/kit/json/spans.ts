import type { JsonValue } from '../../interface/data-types.js';

/**
 * A value within JSON text in UTF-8, found without creating the values around it. The text must have passed a gauge, so
 * that nesting, commas and colons can be trusted.
 */
export interface JsonSpan {
  bytes: Buffer;
  /** Index of the value's first byte. */
  start: number;
  /** Index after the last byte. */
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

/** Index after the string that starts here. */
function stringEnd(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === backslash) at += 1;
    else if (byte === quote) return at + 1;
  }
  return bytes.length;
}

/** Index after the value that starts here. */
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
      // The end of the container of a number or word.
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

/** The values of a text that has several in sequence. */
export function* valuesOf(bytes: Buffer): Generator<JsonSpan> {
  for (let at = skipBlank(bytes, 0); at < bytes.length; ) {
    const value = spanAt(bytes, at);
    yield value;
    at = skipBlank(bytes, value.end);
  }
}

/** The text without surrounding white space. Its parser must check that it is a single value. */
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
 * Names and values of an object, one by one, in text order.
 * @throws SyntaxError for a malformed name
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

/** @throws SyntaxError for a malformed number, word or string */
export function parseSpan({ bytes, start, end }: JsonSpan): JsonValue {
  return JSON.parse(bytes.toString('utf8', start, end)) as JsonValue;
}
