import type { FileOptions } from '@mooring/contract/file-options';
import { ConnectorError } from '../../interface/errors.js';
import { RecordCutter } from './csv-cutter.js';
import { type CsvDialect, type CsvRecord, isTrailed } from './csv-record.js';

// What the request does not specify is detected from the start of the file. An ambiguous file is refused with an error
// that says how to resolve it.

/** The start of a file. */
export interface CsvSample {
  text: string;
  /** The sample is the whole file. */
  isWhole: boolean;
}

/** How a file is read, from its first record to its last. */
export interface FoundDialect {
  dialect: CsvDialect;
  /** Each record ends with one extra delimiter and nothing after it. */
  trailingDelimiter: boolean;
  /**
   * Only the fields of the first record tell whether it has the trailing delimiter: the request sets it, and the rows
   * are not longer.
   */
  mayFirstBeTrailed: boolean;
  /** The first line only names the delimiter, as Excel writes it. */
  hasDelimiterLine: boolean;
  /** For the user, and valid as a request: what was requested and what was detected. */
  effective: FileOptions;
}

/** Delimiters to detect. */
const candidates = [',', ';', '\t', '|'] as const;

/** Sample size, in lines and in bytes. Small, because a slow source makes its reader wait for it. */
export const sampled = { lines: 100, bytes: 64 * 1024 };

/** How the start of a file looks with one delimiter. */
interface Survey {
  dialect: CsvDialect;
  /** Fields of the first record. */
  width: number;
  /**
   * `whole`: all records have the same number of fields, or all have one extra empty field. `short`: some have fewer.
   * `broken`: some have more, or cannot be cut.
   */
  fit: 'whole' | 'short' | 'broken';
  hasTrailingDelimiter: boolean;
  /** All records after the first have one extra field, which is empty. */
  areRowsTrailed: boolean;
  /** Number of fields of the records after the first, if it is the same for all. */
  widthBehind: number | undefined;
  hasInitialSpace: boolean;
  /** All values of a column, or all names of the header, are in single quotes. */
  hasSingleQuotes: boolean;
  lineEnd: FileOptions['lineEnd'] | undefined;
}

const isSingleQuoted = (field: string | null | undefined): boolean =>
  field !== null && field !== undefined && field.length > 1 && field.startsWith("'") && field.endsWith("'");

function hasSingleQuotes(first: CsvRecord, rows: readonly CsvRecord[]): boolean {
  const isWhole = (_: unknown, at: number) => rows.every((row) => isSingleQuoted(row[at]));
  return first.length > 0 && (first.every(isSingleQuoted) || (rows.length > 0 && first.some(isWhole)));
}

function fitOf(rows: readonly CsvRecord[], width: number, dialect: CsvDialect, said: boolean | undefined) {
  const trailed = rows.filter((row) => isTrailed(row, width, dialect)).length;
  const longer = rows.filter((row) => row.length > width).length;
  const areRowsTrailed = trailed > 0 && trailed === rows.length;
  const hasTrailingDelimiter = said ?? areRowsTrailed;
  const isBroken = longer > (hasTrailingDelimiter ? trailed : 0);
  const isShort = rows.some((row) => row.length < width);
  return {
    ...{ hasTrailingDelimiter, areRowsTrailed },
    fit: isBroken ? ('broken' as const) : isShort ? ('short' as const) : ('whole' as const),
  };
}

function survey(sample: CsvSample, dialect: CsvDialect, { trailingDelimiter }: FileOptions): Survey {
  const cutter = new RecordCutter(dialect, Number.POSITIVE_INFINITY);
  cutter.push(sample.text);
  if (sample.isWhole) cutter.end();
  const [first, ...rows] = cutter.take().filter((record) => record.length > 0);
  const width = first?.length ?? cutter.field + 1;
  const { fit, ...trailing } = fitOf(rows, width, dialect, trailingDelimiter);
  const widths = new Set(rows.map((row) => row.length));
  const { blank, other } = cutter.initials;
  return {
    ...{ dialect, width, ...trailing, lineEnd: cutter.lineEnd },
    fit: cutter.fault === undefined ? fit : 'broken',
    widthBehind: widths.size === 1 ? [...widths][0] : undefined,
    hasSingleQuotes: hasSingleQuotes(first ?? [], rows),
    hasInitialSpace: cutter.blanksBeforeQuotes > 0 && other === 0 && blank > 0,
  };
}

const names: Readonly<Record<string, string>> = { '\t': 'a tab' };
const shown = (delimiter: string): string => names[delimiter] ?? JSON.stringify(delimiter);

function uncertain(surveys: readonly Survey[]): ConnectorError {
  const readings = surveys
    .map(
      ({ dialect, width, widthBehind = 0 }) =>
        `with ${shown(dialect.delimiter)} ${Math.max(width, widthBehind)}`,
    )
    .join(', ');
  const examples = surveys.map(({ dialect }) => JSON.stringify(dialect.delimiter)).join(' or ');
  return new ConnectorError(
    'unsupported',
    `The delimiter of the file is ambiguous. Columns in the first records: ${readings}.`,
    { remedy: `Set it in the request: "file": {"delimiter": …} with ${examples}.` },
  );
}

/**
 * @param own the delimiter that the file name implies, or the most likely one @param isNamed the file name implies it
 */
function choose(surveys: readonly Survey[], own: Survey, isNamed: boolean): Survey {
  const splitting = surveys.filter(({ width }) => width > 1);
  const whole = splitting.filter(({ fit }) => fit === 'whole');
  const possible = whole.length > 0 ? whole : splitting.filter(({ fit }) => fit === 'short');
  const [only, other] = possible;
  if (only !== undefined) {
    // Only the header fits, and every row has the same number of fields with another delimiter.
    const byRows = surveys.filter(
      (it) => it.width === 1 && (it.widthBehind ?? 0) > 1 && only.fit === 'short',
    );
    const isSole = other === undefined && byRows.length === 0;
    if (isSole && (only === own || (only.fit === 'whole' && !isNamed))) return only;
    const readings = [...possible, ...byRows];
    throw uncertain(readings.includes(own) ? readings : [own, ...readings]);
  }
  // Rows that do not fit are refused one by one.
  if (own.width > 1) return own;
  const hidden =
    splitting.length > 0 ? splitting : surveys.filter((it) => it !== own && (it.widthBehind ?? 0) > 1);
  if (hidden.length > 0) throw uncertain([own, ...hidden]);
  return own;
}

function assertQuotes({ hasSingleQuotes }: Survey, said: string | undefined): void {
  if (said !== undefined || !hasSingleQuotes) return;
  throw new ConnectorError(
    'unsupported',
    'All values of a column are in single quotes, which may be quoting or part of the text.',
    { remedy: `Set the quote in the request: "file": {"quote": "'"}, or "file": {"quote": "\\""}.` },
  );
}

/** Must precede a line that contains the delimiter. */
const delimiterLine = /^sep=([^\r\n"])(?:\r\n|\n|\r)(?=[^\r\n]*\1)/;

/**
 * Determines the dialect: from the request, else from the start of the file.
 * @param named the delimiter that the file name implies
 * @throws ConnectorError `unsupported` for an ambiguous file
 */
export function findDialect(sample: CsvSample, options: FileOptions, named?: '\t'): FoundDialect {
  const first = delimiterLine.exec(sample.text);
  const line = options.delimiter === undefined || options.delimiter === first?.[1] ? first : null;
  const body = line ? { ...sample, text: sample.text.slice(line[0].length) } : sample;
  const said = options.delimiter ?? line?.[1];
  const { quote = '"', escape: mark = quote, lineEnd, nullText } = options;
  const dialectOf = (delimiter: string): CsvDialect => ({
    ...{ delimiter, quote, escape: mark, lineEnd, nullText },
    skipInitialSpace: options.skipInitialSpace ?? false,
  });
  const likely = said ?? named ?? ',';
  const own = survey(body, dialectOf(likely), options);
  const others = said === undefined ? candidates.filter((it) => it !== likely && it !== quote) : [];
  const surveys = [own, ...others.map((delimiter) => survey(body, dialectOf(delimiter), options))];
  const found = said === undefined ? choose(surveys, own, named !== undefined) : own;
  assertQuotes(found, options.quote);
  const skipInitialSpace = options.skipInitialSpace ?? found.hasInitialSpace;
  // Detected from the first line only: later lines may end in LF alone, which an explicit CR LF would treat as text.
  const end = lineEnd ?? (found.lineEnd === '\r\n' ? '\n' : found.lineEnd);
  return {
    dialect: { ...found.dialect, skipInitialSpace },
    trailingDelimiter: found.hasTrailingDelimiter,
    mayFirstBeTrailed: found.hasTrailingDelimiter && !found.areRowsTrailed,
    hasDelimiterLine: line !== null,
    effective: {
      ...{ delimiter: found.dialect.delimiter, quote, header: options.header ?? true },
      ...(mark === quote ? {} : { escape: mark }),
      ...(end === undefined ? {} : { lineEnd: end }),
      ...(skipInitialSpace ? { skipInitialSpace } : {}),
      ...(found.hasTrailingDelimiter ? { trailingDelimiter: true } : {}),
      ...(nullText === undefined ? {} : { nullText }),
    },
  };
}
