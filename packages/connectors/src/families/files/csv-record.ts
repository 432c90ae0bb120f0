/** What separates the records and fields of a file. */
export interface CsvDialect {
  delimiter: string;
  /** Empty: fields are never quoted. */
  quote: string;
  /** Before a quote within quotes; the quote itself where it is doubled. */
  escape: string;
  /** Undefined: by the first one. LF takes CR LF too; where it is said, whatever ends no line is text. */
  lineEnd: LineEnd | undefined;
  /** Blanks behind a delimiter are no part of a field. */
  skipInitialSpace: boolean;
  /** A field that is null where it stands without quotes. */
  nullText: string | undefined;
}

export type LineEnd = '\n' | '\r\n' | '\r';

/** Fields of a record; none for an empty line. */
export type CsvRecord = (string | null)[];

/** A record of so many fields ends with one more delimiter, behind which is nothing. */
export const isTrailed = (record: CsvRecord, width: number, { nullText }: CsvDialect): boolean =>
  record.length === width + 1 && (record[width] ?? nullText) === '';

/** What to do about a record that the dialect does not allow. */
export const csvRemedies = {
  quoteRemedy:
    'Quotes within a quoted field are doubled, or say how the file quotes: "file": {"escape": "\\\\"} where a backslash stands before them, "file": {"quote": ""} where quotes mean nothing.',
  escapeRemedy: 'Say how the file quotes: "file": {"escape": …}, by default the quote itself.',
  outsideRemedy:
    'An escape counts within quotes alone: have each field written in quotes, or leave "escape" out, to read it as it stands.',
  lineEndRemedy:
    'Say what ends a line, for instance "file": {"lineEnd": "\\n"}: what ends none is text then.',
};

/** A record that the dialect does not allow. Its reader knows which one it is. */
export class CsvFault extends Error {
  override name = 'CsvFault';
  /** Number of its field, from 0; undefined where the record as a whole is at fault. */
  readonly field: number | undefined;
  readonly remedy: string;

  /** @param problem goes on after the place: `has text behind a closing quote` */
  constructor(problem: string, remedy: string, field?: number) {
    super(problem);
    this.remedy = remedy;
    this.field = field;
  }
}
