import { type Cell, JsonText, type JsonValue } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { remedyForDepth } from './gauge.js';
import { beginsNumber, isDouble, isShortInteger, isWrittenAlike, numberEnd } from './numbers.js';
import {
  isArraySpan,
  isBlank,
  isObjectSpan,
  itemsOf,
  type JsonSpan,
  membersOf,
  parseSpan,
  trimmedSpan,
} from './spans.js';

// `JSON.parse` rounds numbers and drops the first of two values with the same name. So each value is scanned before it
// is parsed. For almost all, the parsed value is exact and is used; the others become text cells.

/** An object repeats a member, so one of the two values would be lost. */
export class DoubledName extends Error {
  override name = 'DoubledName';
  readonly member: string;

  constructor(member: string) {
    super('An object repeats a member.');
    this.member = member;
  }
}

/** Maximum nesting of a value, so that later recursion is safe from a stack overflow. */
const depthMax = 128;

interface Look {
  /** Names in all objects together. */
  names: number;
  /** A number that becomes a cell exceeds a double. */
  isBeyond: boolean;
  /** A nested number is spelled differently than JavaScript writes it. */
  isOdd: boolean;
  /** One of those numbers exceeds a double. */
  losesDigits: boolean;
}

/** @param cellDepth numbers up to this depth become cells; deeper ones are nested in cells */
function look({ bytes, start, end }: JsonSpan, cellDepth: number): Look {
  const found: Look = { names: 0, isBeyond: false, isOdd: false, losesDigits: false };
  const lookAtNumber = (from: number, to: number, depth: number) => {
    if (isShortInteger(bytes, from, to)) return;
    const token = bytes.toString('latin1', from, to);
    if (depth <= cellDepth) found.isBeyond ||= !isDouble(token);
    else if (!isWrittenAlike(token)) {
      found.isOdd = true;
      found.losesDigits ||= !isDouble(token);
    }
  };
  let depth = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0x22) {
      for (at += 1; at < end && bytes[at] !== 0x22; at += 1) if (bytes[at] === 0x5c) at += 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > depthMax)
        throw new ConnectorError('too_large', `A value is nested deeper than ${depthMax} levels.`, {
          remedy: remedyForDepth,
        });
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    else if (byte === 0x3a) found.names += 1;
    else if (beginsNumber(byte)) {
      const to = numberEnd(bytes, at, end);
      lookAtNumber(at, to, depth);
      at = to - 1;
    }
  }
  return found;
}

function countNames(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Array.isArray(value) ? value : Object.values(value);
  let count = Array.isArray(value) ? 0 : values.length;
  for (const item of values) if (typeof item === 'object') count += countNames(item);
  return count;
}

function assertDistinctNames(span: JsonSpan): void {
  if (isObjectSpan(span)) {
    const seen = new Set<string>();
    for (const [name, value] of membersOf(span)) {
      if (seen.has(name)) throw new DoubledName(name);
      seen.add(name);
      assertDistinctNames(value);
    }
  } else if (isArraySpan(span)) for (const item of itemsOf(span)) assertDistinctNames(item);
}

/** The text without white space around its tokens. */
function compact({ bytes, start, end }: JsonSpan): string {
  const kept = Buffer.allocUnsafe(end - start);
  let length = 0;
  let isInString = false;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (!isInString && isBlank(byte)) continue;
    kept[length] = byte;
    length += 1;
    if (byte === 0x22) isInString = !isInString;
    else if (isInString && byte === 0x5c) {
      at += 1;
      kept[length] = bytes[at] as number;
      length += 1;
    }
  }
  return kept.toString('utf8', 0, length);
}

/** The cell for a parsed value with distinct names. */
function cellOf(span: JsonSpan, value: JsonValue): Cell {
  if (typeof value === 'number') {
    const token = span.bytes.toString('latin1', span.start, span.end);
    return isDouble(token) ? value : new JsonText(token, false);
  }
  if (typeof value !== 'object' || value === null) return value;
  const { isOdd, losesDigits } = look(span, -1);
  return isOdd ? new JsonText(compact(span), !losesDigits) : value;
}

function parseExactly(span: JsonSpan, cellDepth: number): { value: JsonValue; isExact: boolean } {
  const { names, isBeyond, isOdd } = look(span, cellDepth);
  const value = parseSpan(span);
  if (names > 0 && countNames(value) !== names) assertDistinctNames(span);
  return { value, isExact: !isBeyond && !isOdd };
}

/** Members by name. Names such as `__proto__` are own properties here, never inherited. */
export type JsonFields = Readonly<Record<string, Cell>>;

/** A record of a source: the members of an object, or a single value. */
export type JsonRecord = { fields: JsonFields } | { value: Cell };

/**
 * One record, each cell exact.
 * @throws SyntaxError for a malformed value, {@link DoubledName}, ConnectorError `too_large` when it is nested too
 * deeply
 */
export function parseRecord(span: JsonSpan): JsonRecord {
  if (!isObjectSpan(span)) return { value: parseCell(span) };
  const { value, isExact } = parseExactly(span, 1);
  const parsed = value as JsonFields;
  if (isExact) return { fields: parsed };
  const fields: Record<string, Cell> = Object.create(null);
  for (const [name, member] of membersOf(span)) fields[name] = cellOf(member, parsed[name] as JsonValue);
  return { fields };
}

/**
 * One value, exact.
 * @throws as {@link parseRecord}
 */
function parseCell(span: JsonSpan): Cell {
  const { value, isExact } = parseExactly(span, 0);
  return isExact ? value : cellOf(span, value);
}

/**
 * The value of a whole text, as a source returns it for a JSON column. A single number is also nested in JSON, so it
 * keeps its spelling.
 * @throws as {@link parseRecord}
 */
export function parseCellText(text: string): Cell {
  const span = trimmedSpan(Buffer.from(text));
  const { value, isExact } = parseExactly(span, -1);
  if (isExact) return value;
  const token = compact(span);
  return typeof value === 'number' ? new JsonText(token, isDouble(token)) : cellOf(span, value);
}
