import { describes, levels, search } from './places.js';
import { cancel, parameters, query, readOnly, reset } from './queries.js';
import { bytes, columns, files, filter, incremental, limit, order } from './reads.js';
import { splits } from './splits.js';
import type { AbilityCheck } from './stand.js';

/** One for each ability of `Abilities`, by its name there. */
export const abilityChecks = {
  query,
  'query.parameters': parameters,
  'pushdown.columns': columns,
  'pushdown.limit': limit,
  'pushdown.order': order,
  'pushdown.filter': filter,
  'browse.levels and depth': levels,
  'browse.search': search,
  describe: describes,
  splits,
  bytes,
  files,
  incremental,
  cancel,
  readOnly,
  reset,
} as const satisfies Record<string, AbilityCheck>;

export type AbilityName = keyof typeof abilityChecks;
