import { ConnectorError } from '../spec/errors.js';
import { quoted } from './json/failures.js';

/** A value that the type of its column cannot hold exactly; the reader of its row knows where it stands. */
export class Misfit extends Error {
  override name = 'Misfit';
}

/** Where a value stands. */
export interface ValuePlace {
  column: string;
  /** Of the answer, from 1. */
  row: number;
}

/**
 * @param problem goes on after the place: `holds an array whose bounds do not begin at 1`
 * @param remedy where text is none
 */
export function misfitAt(problem: string, { column, row }: ValuePlace, remedy?: string): ConnectorError {
  const name = quoted(column);
  const asText = `Add "asText": [${name}] to the request, to have the column as text, or ask for the other columns with "columns".`;
  return new ConnectorError('unsupported', `Column ${name} of row ${row} ${problem}.`, {
    remedy: remedy ?? asText,
  });
}
