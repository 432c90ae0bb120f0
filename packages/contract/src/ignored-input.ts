import type { IgnoredInput } from './route.js';

/** Ignores unknown members and parameters: Qlik's clients send some. */
export const ignored: IgnoredInput = {};

const noFilter = 'this list has no such filter';

/**
 * For lists: refuses parameters that look like a filter, because ignoring one would return the whole list.
 * @param right by parameter, what to use instead in this list
 */
export const ignoredExceptFilters = (
  right: Partial<Record<'ownerId' | 'owner' | 'name' | 'sub' | 'where', string>> = {},
): IgnoredInput => ({
  filters: { ownerId: noFilter, owner: noFilter, name: noFilter, sub: noFilter, where: noFilter, ...right },
});
