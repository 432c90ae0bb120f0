import { ConnectorError } from '../../interface/errors.js';
import { columnsMax } from '../../kit/columns.js';
import type { GoogleApi } from '../google/api.js';
import { type JsonObject, objectIn, objectsIn } from '../google/members.js';
import { type Field, fieldOf } from './data-types.js';

/** A project as one login sees it. */
export interface Project {
  id: string;
  /** Paths begin below the project. */
  api: GoogleApi;
  /** Where jobs run; absent: BigQuery decides. */
  location?: string | undefined;
  maximumBytesBilled?: number | undefined;
}

/**
 * The fields of a table or a result.
 * @throws ConnectorError `too_large` for more fields than BigQuery itself allows, `protocol_error` for a malformed
 * field
 */
export function fieldsOf(answer: JsonObject): readonly Field[] {
  const fields = objectsIn(objectIn(answer, 'schema'), 'fields');
  if (fields.length > columnsMax)
    throw new ConnectorError('too_large', `BigQuery sent more than ${columnsMax} columns.`);
  return fields.map((field) => fieldOf(field));
}

const notValid = () => new ConnectorError('not_found', 'The name is not valid in BigQuery.');

/** Quotes a name for standard SQL. Names that could end the quotes are not valid in BigQuery. */
export function quotedName(name: string): string {
  if (/[`\\\p{Cc}]/u.test(name)) throw notValid();
  return `\`${name}\``;
}

function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') throw notValid();
  return encodeURIComponent(name);
}

/** The path of a dataset's tables, with names that cannot leave their segment. */
export const tablesPath = (dataset: string): string => `/datasets/${segment(dataset)}/tables`;

export const tablePath = (dataset: string, table: string): string =>
  `${tablesPath(dataset)}/${segment(table)}`;
