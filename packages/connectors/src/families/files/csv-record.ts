/** What separates the records and fields of a file. */
export interface CsvDialect {
  delimiter: string;
  /** Empty: fields are never quoted. */
  quote: string;
  /** Precedes a quote inside quotes; equal to the quote where quotes are doubled. */
  escape: string;
  /**
   * Undefined: the first one found decides. LF also accepts CR LF; with an explicit value, every other line break is
   * text.
   */
  lineEnd: LineEnd | undefined;
  /** Spaces after a delimiter are not part of the field. */
  skipInitialSpace: boolean;
  /** An unquoted field with this text is null. */
  nullText: string | undefined;
}

export type LineEnd = '\n' | '\r\n' | '\r';

/** Fields of a record; empty for an empty line. */
export type CsvRecord = (string | null)[];

/** Whether a record of this width ends with one extra delimiter and nothing after it. */
export const isTrailed = (record: CsvRecord, width: number, { nullText }: CsvDialect): boolean =>
  record.length === width + 1 && (record[width] ?? nullText) === '';

/** Remedies for a record that the dialect does not allow. */
export const csvRemedies = {
  quoteRemedy:
    'Double the quotes inside quoted fields, or set how the file quotes: "file": {"escape": "\\\\"} for backslash escapes, "file": {"quote": ""} if quotes have no meaning.',
  escapeRemedy:
    'Set the escape character of the file: "file": {"escape": …}. The default is the quote itself.',
  outsideRemedy:
    'Escapes work only inside quotes. Quote each field, or leave "escape" out to read it literally.',
  lineEndRemedy:
    'Set the line ending, for instance "file": {"lineEnd": "\\n"}. Other line breaks are then text.',
};

/** A record that the dialect does not allow. Its reader knows which one. */
export class CsvFault extends Error {
  override name = 'CsvFault';
  /** Number of the field, from 0; undefined if the whole record is at fault. */
  readonly field: number | undefined;
  readonly remedy: string;

  /** @param problem continues after the place: `has text after its closing quote` */
  constructor(problem: string, remedy: string, field?: number) {
    super(problem);
    this.remedy = remedy;
    this.field = field;
  }
}
