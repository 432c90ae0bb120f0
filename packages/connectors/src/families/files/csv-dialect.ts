import type { FileOptions } from '@mooring/contract/file-options';
import { ConnectorError } from '../../spec/errors.js';
import { RecordCutter } from './csv-cutter.js';
import { type CsvDialect, type CsvRecord, isTrailed } from './csv-record.js';

// What a file does not say is found in its beginning. What could be two tables is refused, in words that say how to tell.

/** The beginning of a file. */
export interface CsvSample {
  text: string;
  /** It is the whole file. */
  isWhole: boolean;
}

/** How a file is read, from its first record to its last. */
export interface FoundDialect {
  dialect: CsvDialect;
  /** Each record ends with one more delimiter, behind which is nothing. */
  trailingDelimiter: boolean;
  /** That of the first record is found among its fields: somebody says that it is there, and its rows are no longer. */
  mayFirstBeTrailed: boolean;
  /** The first line only names the delimiter, as Excel has it. */
  hasDelimiterLine: boolean;
  /** For people, and to be sent back: what was asked for and what was found. */
  told: FileOptions;
}

/** Delimiters that are looked for. */
const candidates = [',', ';', '\t', '|'] as const;

/** Length of what is looked at, in lines and in bytes: few, because a slow source makes its reader wait for them. */
export const sampled = { lines: 100, bytes: 64 * 1024 };

/** How the beginning of a file looks with one delimiter. */
interface Survey {
  dialect: CsvDialect;
  /** Fields of the first record. */
  width: number;
  /**
   * `whole`: all records have as many, or all one more that is empty. `short`: some have fewer. `broken`: some have more,
   * or cannot be cut so.
   */
  fit: 'whole' | 'short' | 'broken';
  hasTrailingDelimiter: boolean;
  /** All records behind the first one have one more field than that, which is empty. */
  areRowsTrailed: boolean;
  /** Fields of all records behind the first one, where they are as many in each. */
  widthBehind: number | undefined;
  hasInitialSpace: boolean;
  /** A column has all its values in single quotes, or the header has all its names so. */
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
    `What stands between the fields of the file is not certain. Columns by its first records: ${readings}.`,
    { remedy: `Say which it is: "file": {"delimiter": …} with ${examples}.` },
  );
}

/** @param own what the name of the file says, or what is most likely @param isNamed the name says it */
function choose(surveys: readonly Survey[], own: Survey, isNamed: boolean): Survey {
  const splitting = surveys.filter(({ width }) => width > 1);
  const whole = splitting.filter(({ fit }) => fit === 'whole');
  const possible = whole.length > 0 ? whole : splitting.filter(({ fit }) => fit === 'short');
  const [only, other] = possible;
  if (only !== undefined) {
    // The header alone fits, and each row has as many fields by another delimiter.
    const byRows = surveys.filter(
      (it) => it.width === 1 && (it.widthBehind ?? 0) > 1 && only.fit === 'short',
    );
    const isSole = other === undefined && byRows.length === 0;
    if (isSole && (only === own || (only.fit === 'whole' && !isNamed))) return only;
    const readings = [...possible, ...byRows];
    throw uncertain(readings.includes(own) ? readings : [own, ...readings]);
  }
  // Its rows are refused one by one where they do not fit.
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
    'A column of the file has all its values in single quotes, which may quote them or be text.',
    { remedy: `Say which it is: "file": {"quote": "'"}, or "file": {"quote": "\\""}.` },
  );
}

/** Before a line that has the delimiter. */
const delimiterLine = /^sep=([^\r\n"])(?:\r\n|\n|\r)(?=[^\r\n]*\1)/;

/**
 * Says how a file is read: by what is said of it, and else by its beginning.
 * @param named the delimiter that the name of the file says
 * @throws ConnectorError `unsupported` where it could be two tables
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
  // Found by the first line only: others may end in LF alone, which CR LF that is said would take for text.
  const end = lineEnd ?? (found.lineEnd === '\r\n' ? '\n' : found.lineEnd);
  return {
    dialect: { ...found.dialect, skipInitialSpace },
    trailingDelimiter: found.hasTrailingDelimiter,
    mayFirstBeTrailed: found.hasTrailingDelimiter && !found.areRowsTrailed,
    hasDelimiterLine: line !== null,
    told: {
      ...{ delimiter: found.dialect.delimiter, quote, header: options.header ?? true },
      ...(mark === quote ? {} : { escape: mark }),
      ...(end === undefined ? {} : { lineEnd: end }),
      ...(skipInitialSpace ? { skipInitialSpace } : {}),
      ...(found.hasTrailingDelimiter ? { trailingDelimiter: true } : {}),
      ...(nullText === undefined ? {} : { nullText }),
    },
  };
}
