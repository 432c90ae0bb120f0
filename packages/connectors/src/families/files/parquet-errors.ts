import { quoted } from '../../kit/json/failures.js';
import { Misfit } from '../../kit/misfit.js';
import { ConnectorError } from '../../spec/errors.js';

const rewriting = 'Ask for the other columns, with "columns", or write the file anew.';

/** What is wrong with the file; `reason` quotes nothing of it. */
export function brokenParquet(reason: string): ConnectorError {
  return new ConnectorError('protocol_error', `The file is not a Parquet file that can be read: ${reason}.`);
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
      remedy: remedy ?? rewriting,
      cause,
    },
  );
}
