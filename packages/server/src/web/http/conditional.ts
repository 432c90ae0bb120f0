import { invalidField } from '../../core/errors/app-error.js';

/** `ETag` of a version: RFC 9110 section 8.8.3. */
export const entityTag = (version: string): string => `"${version}"`;

/**
 * The versions that `If-Match` accepts; undefined without a condition. `*` is not a condition here: the resource must
 * always exist. A weak tag never matches (RFC 9110 section 13.1.1).
 * @throws InvalidRequest
 */
export function expectedVersions(header: string | undefined): ReadonlySet<string> | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.length > 20 || tags.some((tag) => !/^(W\/)?"[\x21\x23-\x7e]{0,128}"$/.test(tag))) {
    throw invalidField('If-Match', 'must be * or a list of ETags in double quotes');
  }
  return new Set(tags.filter((tag) => tag.startsWith('"')).map((tag) => tag.slice(1, -1)));
}
