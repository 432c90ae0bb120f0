import type { FileOptions } from '@mooring/contract/file-options';
import { ConnectorError } from '../../spec/errors.js';
import { type FileFormat, formatOf } from './formats.js';

/** How a file is to be read, and who said so. */
export interface FileRequest {
  format: FileFormat;
  isGzip: boolean;
  /** What the request says itself, and then what the connection has as its default. */
  options: FileOptions;
  /** Names of the options that the request says itself: those of a default need not fit every file. */
  asked: ReadonlySet<string>;
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

/** @throws ConnectorError `invalid_query` for an escape where nothing is quoted: it would mean nothing */
function merged(asked: FileOptions, defaults: FileOptions): FileOptions {
  const { escape: mark, ...others } = { ...defaults, ...asked };
  if (mark === undefined) return others;
  if (others.quote !== '') return { ...others, escape: mark };
  if (asked.escape === undefined && asked.quote === '') return others;
  throw new ConnectorError('invalid_query', 'file.escape stands before quotes, and file.quote says none.', {
    remedy: 'Leave file.escape out, or say what stands around fields with "file": {"quote": …}.',
  });
}

/**
 * What is known of a file before it is opened: the request says more than the name, and the name more than a default.
 * @throws ConnectorError `unsupported` for a kind that nobody names, `invalid_query` for options that the kind has not
 */
export function fileRequest(name: string, asked: FileOptions = {}, defaults: FileOptions = {}): FileRequest {
  const named = formatOf(name);
  const format = asked.format ?? named.format ?? defaults.format;
  if (format === undefined || (named.isGzip && format === 'parquet')) {
    throw new ConnectorError('unsupported', 'Files of this kind cannot be read as rows.', {
      remedy:
        'Choose a .csv, .tsv, .json, .ndjson, .jsonl (each also as .gz) or .parquet file, or say what it is, for instance "file": {"format": "csv"}.',
    });
  }
  const foreign = Object.keys(asked).find((option) => !optionsOf[format].includes(option));
  if (foreign !== undefined) {
    throw new ConnectorError(
      'invalid_query',
      `The file is read as ${format}, which has no file.${foreign}.`,
      {
        remedy: 'Leave it out, or say what the file is with "file": {"format": …}.',
      },
    );
  }
  // A default encoding is that of CSV: JSON is UTF-8 unless somebody says otherwise of the file itself.
  const options = optionsOf[format] === ofCsv ? merged(asked, defaults) : asked;
  if (options.delimiter !== undefined && options.delimiter === (options.quote ?? '"'))
    throw new ConnectorError('invalid_query', 'file.delimiter must not be the quote.');
  return { format, isGzip: named.isGzip, options, asked: new Set(Object.keys(asked)) };
}
