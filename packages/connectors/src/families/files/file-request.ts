import type { FileOptions } from '@mooring/contract/file-options';
import { ConnectorError } from '../../interface/errors.js';
import type { ReadRequest } from '../../interface/plan.js';
import type { ParsingCaps } from '../../kit/json/caps.js';
import { type FileFormat, formatOf } from './formats.js';

/** How to read a file, and which options the request sets itself. */
export interface FileRequest {
  format: FileFormat;
  isGzip: boolean;
  /** The request's own options, then the connection's defaults. */
  options: FileOptions;
  /** Names of the options that the request sets itself. Defaults need not fit every file. */
  asked: ReadonlySet<string>;
}

/** Request to the reader of a text format. */
export interface TextRequest {
  wanted: ReadRequest['columns'];
  asText: ReadRequest['asText'];
  caps: ParsingCaps;
  file: FileRequest;
}

const ofText = ['format', 'encoding'] as const;
const ofCsv = [
  ...ofText,
  'delimiter',
  'quote',
  'escape',
  'lineEnd',
  'header',
  'skipInitialSpace',
  'trailingDelimiter',
  'nullText',
  'columnTypes',
] as const satisfies readonly (keyof FileOptions)[];

const optionsOf: Readonly<Record<FileFormat, readonly string[]>> = {
  csv: ofCsv,
  tsv: ofCsv,
  json: ofText,
  ndjson: ofText,
  parquet: ['format'],
};

/** @throws ConnectorError `invalid_query` for an escape without quoting, which would have no meaning */
function merged(asked: FileOptions, defaults: FileOptions): FileOptions {
  const { escape: mark, ...others } = { ...defaults, ...asked };
  if (mark === undefined) return others;
  if (others.quote !== '') return { ...others, escape: mark };
  if (asked.escape === undefined && asked.quote === '') return others;
  throw new ConnectorError('invalid_query', 'file.escape requires quoting, but file.quote turns it off.', {
    remedy: 'Leave file.escape out, or set the quote character with "file": {"quote": …}.',
  });
}

/**
 * What is known about a file before it is opened. The request overrides the name, and the name overrides a default.
 * @throws ConnectorError `unsupported` for an unknown format, `invalid_query` for options that do not apply to the
 * format
 */
export function fileRequest(name: string, asked: FileOptions = {}, defaults: FileOptions = {}): FileRequest {
  const named = formatOf(name);
  const format = asked.format ?? named.format ?? defaults.format;
  if (format === undefined || (named.isGzip && format === 'parquet')) {
    throw new ConnectorError('unsupported', 'Files of this kind cannot be read as rows.', {
      remedy:
        'Choose a .csv, .tsv, .json, .ndjson, .jsonl (each also as .gz) or .parquet file, or set its format, for instance "file": {"format": "csv"}.',
    });
  }
  const foreign = Object.keys(asked).find((option) => !optionsOf[format].includes(option));
  if (foreign !== undefined) {
    throw new ConnectorError(
      'invalid_query',
      `file.${foreign} does not apply to files of the format ${format}.`,
      {
        remedy: 'Leave it out, or set the format with "file": {"format": …}.',
      },
    );
  }
  // A default encoding applies to CSV. JSON is UTF-8 unless the request itself says otherwise.
  const options = optionsOf[format] === ofCsv ? merged(asked, defaults) : asked;
  if (options.delimiter !== undefined && options.delimiter === (options.quote ?? '"'))
    throw new ConnectorError('invalid_query', 'file.delimiter must differ from file.quote.');
  return { format, isGzip: named.isGzip, options, asked: new Set(Object.keys(asked)) };
}
