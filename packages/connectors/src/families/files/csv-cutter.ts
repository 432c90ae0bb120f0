import { ConnectorError } from '../../interface/errors.js';
import { columnsMax } from '../../kit/columns.js';
import { recordTooLarge } from '../../kit/json/document.js';
import { type CsvDialect, CsvFault, type CsvRecord, csvRemedies, type LineEnd } from './csv-record.js';

const { quoteRemedy, escapeRemedy, outsideRemedy, lineEndRemedy } = csvRemedies;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

const state = {
  /** At the start of a field. */
  start: 0,
  /** In spaces at the start of a field. */
  blanks: 1,
  plain: 2,
  quoted: 3,
  /** After an escape character other than the quote. */
  escaped: 4,
  /** After a quote that either ends the field or is the first of two. */
  closed: 5,
  /** After a quoted field. */
  behind: 6,
  /** After a carriage return, which ends a line alone or together with a line feed. */
  return: 7,
};

/**
 * Cuts streamed text into records and looks at each character once. A quote has meaning only at the start of a field;
 * spaces around a quoted field are not part of it, and inside an unquoted field a quote is an ordinary character.
 */
export class RecordCutter {
  /** The line ending, once it is known. */
  lineEnd: LineEnd | undefined;
  /** Where cutting stopped before the end of the text. */
  fault: CsvFault | ConnectorError | undefined;
  /** Fields after a delimiter that start with a space, and all others. */
  readonly initials = { blank: 0, other: 0 };
  /** Quoted fields that are preceded by spaces. */
  blanksBeforeQuotes = 0;

  private readonly dialect: CsvDialect;
  private readonly delimiter: number;
  private readonly quote: number;
  private readonly escape: number;
  private readonly recordMax: number;
  private records: CsvRecord[] = [];
  private fields: CsvRecord = [];
  /** The current field so far. */
  private part = '';
  private isQuoted = false;
  /** In the last text that was inspected. */
  private hasEscapes = false;
  private readonly escaped: RegExp;
  /** What an escape can produce: the quote and the escape itself; empty where the quote is its own escape. */
  private readonly escapes: readonly string[];
  private now = state.start;
  /** Characters of the current record in earlier texts. */
  private before = 0;
  /** Where the current record starts in this text. */
  private begin = 0;

  /** @param recordMax maximum record length in characters */
  constructor(dialect: CsvDialect, recordMax: number) {
    this.dialect = dialect;
    this.recordMax = recordMax;
    this.delimiter = dialect.delimiter.charCodeAt(0);
    this.quote = dialect.quote.charCodeAt(0);
    this.escape = dialect.escape.charCodeAt(0);
    const { quote, escape: mark } = dialect;
    this.escapes = mark === quote ? [] : [mark + quote, mark + mark];
    this.escaped = new RegExp(`[${dialect.escape.replace(/[\\\]^-]/, '\\$&')}](.)`, 'gs');
  }

  /** Number of the current field, from 0. */
  get field(): number {
    return this.fields.length;
  }

  push(text: string): void {
    this.begin = 0;
    for (let at = 0; at < text.length && this.fault === undefined; ) at = this.step(text, at);
    if (this.fault !== undefined) return;
    this.before += text.length - this.begin;
    if (this.before > this.recordMax) this.fault = recordTooLarge(this.recordMax);
  }

  end(): void {
    if (this.fault !== undefined) return;
    this.begin = 0;
    if (this.now === state.quoted || this.now === state.escaped)
      this.fail('begins with a quote that is never closed', quoteRemedy);
    else if (this.now !== state.start || this.fields.length > 0) this.endRecord(0);
  }

  /** Records that are complete. Clears the list. */
  take(): CsvRecord[] {
    const taken = this.records;
    this.records = [];
    return taken;
  }

  private step(text: string, at: number): number {
    const { now } = this;
    if (now === state.start) return this.startField(text, at);
    if (now === state.plain) return this.inPlain(text, at);
    if (now === state.quoted) return this.inQuoted(text, at);
    if (now === state.closed) return this.behindQuote(text, at);
    if (now === state.behind) return this.behindField(text, at);
    if (now === state.return) return this.behindReturn(text, at);
    return now === state.blanks ? this.inBlanks(text, at) : this.behindEscape(text, at);
  }

  private startField(text: string, at: number): number {
    const code = text.charCodeAt(at);
    const isBlankFirst = isBlank(code) && code !== this.delimiter;
    if (this.fields.length > 0) this.initials[isBlankFirst ? 'blank' : 'other'] += 1;
    if (code === this.quote) return this.openQuote(at);
    this.now = isBlankFirst ? state.blanks : state.plain;
    return at;
  }

  private openQuote(at: number): number {
    this.now = state.quoted;
    this.isQuoted = true;
    this.part = '';
    return at + 1;
  }

  private inBlanks(text: string, from: number): number {
    let at = from;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (!isBlank(code) || code === this.delimiter) break;
    }
    this.part += text.slice(from, at);
    if (at === text.length) return at;
    if (text.charCodeAt(at) === this.quote) {
      this.blanksBeforeQuotes += 1;
      return this.openQuote(at);
    }
    if (this.dialect.skipInitialSpace && this.fields.length > 0) this.part = '';
    this.now = state.plain;
    return at;
  }

  private inPlain(text: string, from: number): number {
    let at = from;
    let code = 0;
    for (; at < text.length; at += 1) {
      code = text.charCodeAt(at);
      if (code === this.delimiter || code === lineFeed || code === carriageReturn) break;
    }
    const piece = text.slice(from, at);
    this.part = this.part === '' ? piece : this.part + piece;
    if (at === text.length) return at;
    return code === this.delimiter ? this.endField(at + 1) : this.atLineEnd(code, at);
  }

  private inQuoted(text: string, from: number): number {
    const end = this.escape === this.quote ? this.closingQuote(text, from) : this.closingMark(text, from);
    const piece = text.slice(from, end);
    const value = this.hasEscapes ? piece.replace(this.escaped, '$1') : piece;
    this.part = this.part === '' ? value : this.part + value;
    if (end === text.length) return end;
    this.now = text.charCodeAt(end) === this.quote ? state.closed : state.escaped;
    return end + 1;
  }

  /** The next quote that is not doubled in this text. */
  private closingQuote(text: string, from: number): number {
    const { quote } = this.dialect;
    this.hasEscapes = false;
    let at = text.indexOf(quote, from);
    while (at !== -1 && text.charCodeAt(at + 1) === this.quote) {
      this.hasEscapes = true;
      at = text.indexOf(quote, at + 2);
    }
    return at === -1 ? text.length : at;
  }

  /** The next quote that is not escaped in this text, or an escape whose next character is not here yet. */
  private closingMark(text: string, from: number): number {
    this.hasEscapes = false;
    for (let at = from; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === this.quote) return at;
      if (code !== this.escape) continue;
      const next = text.charCodeAt(at + 1);
      if (next !== this.quote && next !== this.escape) return at;
      this.hasEscapes = true;
      at += 1;
    }
    return text.length;
  }

  private behindEscape(text: string, at: number): number {
    const code = text.charCodeAt(at);
    if (code !== this.quote && code !== this.escape) {
      return this.fail('has an invalid escape sequence', escapeRemedy);
    }
    this.part += text[at];
    this.now = state.quoted;
    return at + 1;
  }

  private behindQuote(text: string, at: number): number {
    if (text.charCodeAt(at) !== this.quote || this.escape !== this.quote) {
      this.now = state.behind;
      return at;
    }
    this.part += this.dialect.quote;
    this.now = state.quoted;
    return at + 1;
  }

  private behindField(text: string, at: number): number {
    const code = text.charCodeAt(at);
    if (code === this.delimiter) return this.endField(at + 1);
    if (isBlank(code)) return at + 1;
    if (code === lineFeed || code === carriageReturn) return this.atLineEnd(code, at);
    return this.fail('has text after its closing quote', quoteRemedy);
  }

  private atLineEnd(code: number, at: number): number {
    if (code === carriageReturn) {
      this.now = state.return;
      return at + 1;
    }
    const { lineEnd } = this.dialect;
    if (lineEnd === '\r' || lineEnd === '\r\n') return this.keep('\n', at + 1);
    return lineEnd === undefined && !this.agrees('\n') ? at : this.endRecord(at + 1);
  }

  private behindReturn(text: string, at: number): number {
    const isPair = text.charCodeAt(at) === lineFeed;
    const { lineEnd } = this.dialect;
    if (lineEnd === undefined) {
      if (!this.agrees(isPair ? '\r\n' : '\r')) return at;
      return this.endRecord(isPair ? at + 1 : at);
    }
    if (lineEnd === '\r') return this.endRecord(at);
    return isPair ? this.endRecord(at + 1) : this.keep('\r', at);
  }

  /** A character that does not end a line in this dialect. */
  private keep(character: string, next: number): number {
    if (this.isQuoted) return this.fail('has text after its closing quote', quoteRemedy);
    this.part += character;
    this.now = state.plain;
    return next;
  }

  /** LF and CR LF go together; a lone CR among them could be a line ending or text. */
  private agrees(found: LineEnd): boolean {
    this.lineEnd ??= found;
    if ((this.lineEnd === '\r') === (found === '\r')) return true;
    const shown = { '\n': 'LF', '\r\n': 'CR LF', '\r': 'CR' };
    this.fail(`has ${shown[found]} outside quotes, but lines end in ${shown[this.lineEnd]}`, lineEndRemedy);
    return false;
  }

  private endField(next: number): number {
    if (!this.isQuoted && this.escapes.some((text) => this.part.includes(text)))
      return this.fail('has an escape sequence outside quotes', outsideRemedy);
    this.fields.push(!this.isQuoted && this.part === this.dialect.nullText ? null : this.part);
    this.part = '';
    this.isQuoted = false;
    this.now = state.start;
    if (this.fields.length > columnsMax) {
      this.fault = new ConnectorError(
        'too_large',
        `A record of the file has more than ${columnsMax} fields.`,
      );
    }
    return next;
  }

  private endRecord(next: number): number {
    const isEmpty = this.fields.length === 0 && this.part === '' && !this.isQuoted;
    if (!isEmpty) this.endField(next);
    if (this.before + next - this.begin > this.recordMax) this.fault = recordTooLarge(this.recordMax);
    if (this.fault !== undefined) return next;
    this.records.push(this.fields);
    this.fields = [];
    this.now = state.start;
    this.before = 0;
    this.begin = next;
    return next;
  }

  private fail(problem: string, remedy: string): number {
    this.fault = new CsvFault(problem, remedy, this.fields.length);
    return 0;
  }
}
