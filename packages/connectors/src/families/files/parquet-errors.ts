import { quoted } from '../../kit/json/failures.js';
import { Misfit } from '../../kit/misfit.js';
import { ConnectorError } from '../../spec/errors.js';

const rewriting = 'Ask for the other columns, with "columns", or have the file written again.';
const storing = 'Store the file again: it is damaged, cut off, or of another kind than its name says.';

/** What is wrong with the file; `reason` quotes nothing of it. */
export function brokenParquet(reason: string): ConnectorError {
  return new ConnectorError('protocol_error', `The file is not a Parquet file that can be read: ${reason}.`, {
    remedy: storing,
  });
}

/** A file that its writer has made so that it is not read. */
export function encryptedParquet(what: string): ConnectorError {
  return new ConnectorError('unsupported', `${what} is encrypted.`, {
    remedy: 'Store a copy that is not encrypted; decryption keys are not supported.',
  });
}

export function tooLargeParquet(what: string): ConnectorError {
  return new ConnectorError('too_large', `The Parquet file has ${what}.`, {
    remedy: 'Write the file with smaller row groups and pages, or read fewer columns.',
  });
}

/** What a decoder throws of its own says that the file is broken; its message may quote the file. */
export function asConnectorError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  return new ConnectorError('protocol_error', 'The file is not a Parquet file that can be read.', {
    remedy: storing,
    cause: error,
  });
}

/** Where in the file something is wrong. */
export interface ParquetPlace {
  column: string;
  /** Of the file, from 1. */
  row: number;
}

/** A failure within a column: of a value, of a page. */
export function failureAt(error: unknown, { column, row }: ParquetPlace): ConnectorError {
  if (error instanceof Misfit) {
    return new ConnectorError(
      'unsupported',
      `Column ${quoted(column)} of row ${row} of the file ${error.message}.`,
      { remedy: rewriting },
    );
  }
  const { kind, message, remedy, cause } = asConnectorError(error);
  if (kind !== 'protocol_error' && kind !== 'unsupported') return asConnectorError(error);
  return new ConnectorError(
    kind,
    `${message.replace(/\.$/, '')}, at row ${row} of column ${quoted(column)}.`,
    {
      remedy: kind === 'protocol_error' ? rewriting : (remedy ?? rewriting),
      cause,
    },
  );
}
