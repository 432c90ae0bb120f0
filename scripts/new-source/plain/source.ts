import { defineSource } from '../../interface/source.js';
import { logins, properties, settings } from './properties.js';

// FILL IN: a drawing of our own, at most 4 KB, without scripts, links and logos.
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#35516b" stroke-width="1.6">' +
  '<circle cx="12" cy="12" r="9"/><path d="M12 8v5M12 16v.5"/></svg>';

export const source = defineSource({
  specificationVersion: 2,
  id: 'new_source',
  // FILL IN: the name as its vendor writes it.
  name: 'new_source',
  category: 'database',
  stage: 'preview',
  // FILL IN: the vendor's pages about the interface that is used and about its logins.
  links: [{ title: 'Documentation', url: 'https://example.com/' }],
  icon,
  // FILL IN: what the tests run against, what they cannot show, and what a user should know before choosing this source.
  evidence: { verifiedAgainst: ['Nothing yet'], notVerified: [], limits: [] },
  properties,
  logins,
  settings,
  target: ['host', 'port'],
  // FILL IN: where the definition leads and what it trusts there.
  endpoints: ({ host, port }) => [{ role: 'data', host, port, security: 'none' }],
  // FILL IN: what the source can do; interface/abilities.ts describes each. The suite proves each both ways.
  abilities: {
    pushdown: { columns: false, limit: false, order: false, filter: [] },
    browse: { levels: ['schema', 'table', 'column'], depth: 3, search: false },
    describe: 'path',
    splits: false,
    bytes: false,
    files: false,
    cancel: 'disconnect',
    readOnly: 'login',
    reset: true,
  },
  load: () => import('./connector.js'),
});
