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
  stage: 'preview',
  // FILL IN: the vendor's pages about the interface that is used and about its logins.
  links: [{ title: 'Documentation', url: 'https://example.com/' }],
  icon,
  // FILL IN: what the tests run against, what they cannot show, and what a user should know before choosing this source.
  evidence: { verifiedAgainst: ['Nothing yet'], notVerified: [], limits: [] },
  properties,
  logins,
  settings,
  // MEMBERS
  load: () => import('./connector.js'),
});
