import { ConnectorError } from '../../interface/errors.js';
import { quoted } from '../../kit/json/failures.js';
import { Misfit } from '../../kit/misfit.js';

const rewriting = 'Request only the other columns with "columns", or rewrite the file.';
const storing = 'Upload the file again: it is damaged or truncated, or it is not a Parquet file.';

/** What is wrong with the file; `reason` quotes nothing from it. */
export function brokenParquet(reason: string): ConnectorError {
  return new ConnectorError('protocol_error', `The file is not a readable Parquet file: ${reason}.`, {
    remedy: storing,
  });
}

/** A size or count that the file gives. @throws ConnectorError `protocol_error` for one that is not valid */
export function counted(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw brokenParquet('an invalid size or count');
}

/** A file that is encrypted by its writer. */
export function encryptedParquet(what: string): ConnectorError {
  return new ConnectorError('unsupported', `${what} is encrypted.`, {
    remedy: 'Store an unencrypted copy; decryption keys are not supported.',
  });
}

export function tooLargeParquet(what: string): ConnectorError {
  return new ConnectorError('too_large', `The Parquet file has ${what}.`, {
    remedy: 'Write the file with smaller row groups and pages, or read fewer columns.',
  });
}

/** An error of a decoder means that the file is broken; its message may quote the file. */
export function asConnectorError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  return new ConnectorError('protocol_error', 'The file is not a readable Parquet file.', {
    remedy: storing,
    cause: error,
  });
}

/** Where in the file the error is. */
export interface ParquetPlace {
  column: string;
  /** Row in the file, from 1. */
  row: number;
}

/** A failure within a column, of a value or a page. */
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
