import { apiAbilities } from '../../families/api/abilities.js';
import { defineSource } from '../../interface/source.js';
import { urlEndpoint } from '../../kit/endpoint.js';
import { clientSecrets, logins, properties, settings } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#24292f" stroke-width="2.5">' +
  '<circle cx="9" cy="7" r="3"/><circle cx="9" cy="25" r="3"/><circle cx="23" cy="11" r="3"/>' +
  '<path d="M9 10v12M23 14c0 5-14 3-14 8"/></svg>';

export const source = defineSource({
  specificationVersion: 2,
  id: 'github',
  name: 'GitHub',
  category: 'api',
  stage: 'preview',
  links: [
    { title: 'GitHub REST API', url: 'https://docs.github.com/en/rest' },
    {
      title: 'Personal access tokens',
      url: 'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens',
    },
  ],
  icon,
  evidence: {
    verifiedAgainst: ['The lab’s stand-in for the REST API of GitHub Enterprise Server'],
    notVerified: ['github.com and GitHub Enterprise Server themselves', 'single sign-on of organizations'],
    limits: [
      'Read by path: repositories, and for each of them its issues, comments, pull requests, commits, releases, branches, contributors, labels, milestones and workflow runs.',
      'Columns are declared; other members of a response are left out. Times are instants in UTC.',
      'A rate limit that ends within 60 seconds is waited for during a read (5 in a preview); otherwise the read fails and says when to try again.',
    ],
  },
  properties,
  logins,
  clientSecrets,
  settings,
  target: ['url'],
  endpoints: ({ url }) => [urlEndpoint(new URL(url))],
  abilities: apiAbilities({
    browse: { levels: ['repository', 'resource', 'column'], depth: 2, search: false },
  }),
  load: () => import('./connector.js'),
});
