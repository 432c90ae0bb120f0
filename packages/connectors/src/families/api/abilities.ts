import type { Abilities } from '../../interface/abilities.js';

/** What all APIs that we read can do. HTTP has no read-only mode. */
export const apiAbilities = (own: Pick<Abilities, 'browse'> & Partial<Abilities>): Abilities => ({
  pushdown: { columns: true, limit: true, order: false, filter: [] },
  describe: 'path',
  splits: false,
  bytes: false,
  files: false,
  cancel: 'disconnect',
  readOnly: 'login',
  reset: true,
  ...own,
});
