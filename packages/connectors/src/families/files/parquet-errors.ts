import { ConnectorError } from '../../spec/errors.js';

/** A file that cannot be decoded; `reason` may quote the file, so it stays in the cause. */
export function brokenParquet(reason: string): ConnectorError {
  return new ConnectorError('protocol_error', 'The file is not a Parquet file that can be read.', {
    cause: new Error(reason),
  });
}

export function tooLargeParquet(what: string): ConnectorError {
  return new ConnectorError('too_large', `The Parquet file has ${what}.`, {
    remedy: 'Write the file with smaller row groups and pages, or read fewer columns.',
  });
}
