import { ConnectorError } from '../interface/errors.js';
import { quoted } from './json/failures.js';

/** A value that its column's type cannot represent exactly; the row's reader knows the place. */
export class Misfit extends Error {
  override name = 'Misfit';
}

/** Where a value is. */
export interface ValuePlace {
  column: string;
  /** Row of the result, from 1. */
  row: number;
}

/**
 * @param problem continues after the place: `holds an array whose bounds do not start at 1`
 * @param remedy if text is not an option
 */
export function misfitAt(problem: string, { column, row }: ValuePlace, remedy?: string): ConnectorError {
  const name = quoted(column);
  const asText = `Add "asText": [${name}] to the request to read the column as text, or request only the other columns with "columns".`;
  return new ConnectorError('unsupported', `Column ${name} of row ${row} ${problem}.`, {
    remedy: remedy ?? asText,
  });
}
