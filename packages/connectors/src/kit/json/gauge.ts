import { ConnectorError } from '../../interface/errors.js';
import { isBlank } from './spans.js';

// JSON.parse takes up to thirty times as much memory as its text has bytes, and cannot be stopped. So untrusted text is
// measured first: one pass, no values created, ten times as fast as the streaming parsers on npm.

/** Caps on a JSON text. */
export interface JsonCaps {
  depth: number;
  /** Values: scalars, objects and arrays, but not names. */
  values: number;
  /** Names in all objects together; repeated names count each time. */
  names: number;
  /** Bytes of one name, number or word. */
  tokenBytes: number;
}

/** Measures JSON text in UTF-8 as its pieces arrive. */
export interface JsonGauge {
  /** @throws ConnectorError `too_large` beyond a cap, SyntaxError for invalid JSON */
  push(piece: Uint8Array): void;
  /** Whether only white space has arrived. */
  isBlank(): boolean;
  /** @throws SyntaxError unless the text is complete */
  end(): void;
}

/** The text is not valid JSON; caught like the errors of `JSON.parse`. Its reader knows how to name it. */
export class NotJson extends SyntaxError {
  override name = 'NotJson';
  /** Bytes before the first invalid one; absent if the text is truncated. */
  offset?: number;
}

/** The bytes are not valid in their encoding; decoding would replace them with other characters. */
export class NotText extends NotJson {
  override name = 'NotText';
  readonly charset: string;

  constructor(charset: string) {
    super();
    this.charset = charset;
  }
}

const state = {
  value: 0,
  valueOrEnd: 1,
  name: 2,
  nameOrEnd: 3,
  colon: 4,
  after: 5,
  string: 6,
  word: 7,
  done: 8,
};

/** Numbers, `true`, `false` and `null`; the parser checks their spelling. */
const isOfWord = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x2d ||
  byte === 0x2b ||
  byte === 0x2e ||
  byte === 0x45;

/**
 * Checks nesting, commas and colons, and counts.
 * @param remedy what to do about a text beyond the caps
 * @param isSequence the text may have several values, as in NDJSON
 */
export function createJsonGauge(caps: JsonCaps, remedy: string, isSequence = false): JsonGauge {
  return new Gauge(caps, remedy, isSequence);
}

class Gauge implements JsonGauge {
  private readonly caps: JsonCaps;
  private readonly remedy: string;
  private readonly isSequence: boolean;
  /** For each level, 1 for an object. */
  private readonly levels: Uint8Array;
  private now = state.value;
  private depth = 0;
  private values = 0;
  private names = 0;
  private tokenBytes = 0;
  private isName = false;
  private isEscaped = false;
  private isBegun = false;
  private bytesBefore = 0;

  constructor(caps: JsonCaps, remedy: string, isSequence: boolean) {
    this.caps = caps;
    this.remedy = remedy;
    this.isSequence = isSequence;
    this.levels = new Uint8Array(caps.depth + 1);
  }

  push(piece: Uint8Array): void {
    let at = 0;
    try {
      while (at < piece.length) {
        if (this.now === state.string) at = this.inString(piece, at);
        else if (this.now === state.word) at = this.inWord(piece, at);
        else {
          const byte = piece[at] as number;
          if (!isBlank(byte)) this.take(byte);
          // A word starts with this byte, so it is inspected again there.
          if (this.now !== state.word) at += 1;
        }
      }
    } catch (error) {
      if (error instanceof NotJson) error.offset = this.bytesBefore + at;
      throw error;
    }
    this.bytesBefore += piece.length;
  }

  isBlank(): boolean {
    return !this.isBegun;
  }

  end(): void {
    if (this.now === state.word) this.afterValue();
    if (this.now !== state.done) throw new NotJson();
  }

  private inString(piece: Uint8Array, from: number): number {
    let at = from;
    let isEscaped = this.isEscaped;
    for (; at < piece.length; at += 1) {
      const byte = piece[at];
      if (isEscaped) isEscaped = false;
      else if (byte === 0x5c) isEscaped = true;
      else if (byte === 0x22) break;
    }
    this.isEscaped = isEscaped;
    if (this.isName) this.lengthen(at - from);
    if (at === piece.length) return at;
    if (this.isName) this.now = state.colon;
    else this.afterValue();
    return at + 1;
  }

  private inWord(piece: Uint8Array, from: number): number {
    let at = from;
    while (at < piece.length && isOfWord(piece[at] as number)) at += 1;
    this.lengthen(at - from);
    if (at < piece.length) {
      if (this.tokenBytes === 0) throw new NotJson();
      this.afterValue();
    }
    return at;
  }

  /** A byte that is neither white space nor part of a string or word. */
  private take(byte: number): void {
    this.isBegun = true;
    const { now } = this;
    const isNext = now === state.done && this.isSequence;
    if (isNext || now === state.value || (now === state.valueOrEnd && byte !== 0x5d)) this.beginValue(byte);
    else if ((now === state.name || now === state.nameOrEnd) && byte === 0x22) this.beginName();
    else if (now === state.colon && byte === 0x3a) this.now = state.value;
    else if (now === state.after && byte === 0x2c) {
      this.now = this.isInObject() ? state.name : state.value;
    } else if (byte === 0x5d && (now === state.valueOrEnd || (now === state.after && !this.isInObject()))) {
      this.leave();
    } else if (byte === 0x7d && (now === state.nameOrEnd || (now === state.after && this.isInObject()))) {
      this.leave();
    } else throw new NotJson();
  }

  private isInObject(): boolean {
    return this.levels[this.depth] === 1;
  }

  private beginValue(byte: number): void {
    this.values += 1;
    if (this.values > this.caps.values)
      throw this.tooLarge(`holds more than ${shown(this.caps.values)} values`);
    if (byte === 0x7b || byte === 0x5b) {
      if (this.depth === this.caps.depth)
        throw this.tooLarge(`is nested deeper than ${this.caps.depth} levels`, remedyForDepth);
      this.depth += 1;
      this.levels[this.depth] = byte === 0x7b ? 1 : 0;
      this.now = byte === 0x7b ? state.nameOrEnd : state.valueOrEnd;
    } else this.beginToken(byte === 0x22 ? state.string : state.word, false);
  }

  private beginName(): void {
    this.names += 1;
    if (this.names > this.caps.names) throw this.tooLarge(`holds more than ${shown(this.caps.names)} names`);
    this.beginToken(state.string, true);
  }

  private beginToken(next: number, isName: boolean): void {
    this.now = next;
    this.isName = isName;
    this.tokenBytes = 0;
  }

  private leave(): void {
    this.depth -= 1;
    this.afterValue();
  }

  private afterValue(): void {
    this.now = this.depth === 0 ? state.done : state.after;
  }

  private lengthen(bytes: number): void {
    this.tokenBytes += bytes;
    if (this.tokenBytes <= this.caps.tokenBytes) return;
    throw this.tooLarge(`holds a name or number of more than ${shown(this.caps.tokenBytes)} bytes`);
  }

  private tooLarge(problem: string, remedy = this.remedy): ConnectorError {
    return new ConnectorError('too_large', `A JSON text of the source ${problem}.`, { remedy });
  }
}

/** Splitting would not reduce the depth. */
export const remedyForDepth = 'Leave the deeply nested member out at the source, or write it as text.';

const shown = (count: number): string => count.toLocaleString('en-US');
