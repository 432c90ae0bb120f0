import type { Resource } from './api.js';
import { fieldsOf, type TypesByName } from './fields.js';

// How an API whose lists are documented declares them.

interface ListOptions {
  /** Member of the page that holds the rows. Default: the page is the list. */
  rowsAt?: string;
  comment?: string;
}

/** A list, to be followed by its fields in short form as a template. The first field identifies a row. */
export type DeclareList = (path: string, options?: ListOptions) => (fields: TemplateStringsArray) => Resource;

/**
 * Declares lists of an API.
 * @param byName types of fields by their names
 * @returns takes the path of a list below the API's base, with the query that it always has
 */
export const declareLists =
  (byName: TypesByName): DeclareList =>
  (address, { rowsAt = '$', comment } = {}) =>
  ([text = '']) => {
    const [path = '', query] = address.split('?');
    const [key, ...others] = fieldsOf(text, byName);
    if (!key) throw new Error(`the list ${address} has no fields`);
    return {
      path,
      rowsAt,
      ...(query === undefined ? {} : { query: Object.fromEntries(new URLSearchParams(query)) }),
      ...(comment === undefined ? {} : { comment }),
      fields: [{ ...key, isKey: true }, ...others],
      primaryKey: [key.name],
    };
  };
