import type { Abilities } from '../../interface/abilities.js';

/** What all sources of files can do. */
export const fileAbilities = (own: Pick<Abilities, 'browse'> & Partial<Abilities>): Abilities => ({
  pushdown: { columns: true, limit: true, order: false, filter: [] },
  describe: 'path',
  splits: false,
  bytes: true,
  files: true,
  cancel: 'disconnect',
  readOnly: 'login',
  reset: true,
  ...own,
});
