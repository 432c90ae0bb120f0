import { declaredSource } from '../../families/api/declared-source.js';
import { provider } from '../../providers/github.js';
import { own } from './properties.js';

export const source = declaredSource({
  id: 'github',
  name: 'GitHub',
  stage: 'preview',
  links: [
    { title: 'GitHub REST API', url: 'https://docs.github.com/en/rest' },
    {
      title: 'Sign-in',
      url: 'https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api',
    },
  ],
  icon:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#24292f" stroke-width="2.5">' +
    '<circle cx="9" cy="7" r="3"/><circle cx="9" cy="25" r="3"/><circle cx="23" cy="11" r="3"/>' +
    '<path d="M9 10v12M23 14c0 5-14 3-14 8"/></svg>',
  evidence: {
    verifiedAgainst: ['The lab’s stand-in for the REST API of GitHub Enterprise Server'],
    notVerified: ['github.com and GitHub Enterprise Server themselves', 'single sign-on of organizations'],
    limits: [
      'Read by path: repositories, and for each of them its issues, comments, pull requests, commits, releases, branches, contributors, labels, milestones and workflow runs.',
      'Without single sign-on of a token, GitHub leaves the repositories of its organization out of the list.',
    ],
  },
  provider,
  url: 'https://api.github.com',
  urls: 'https://api.github.com, https://api.SUBDOMAIN.ghe.com, or https://HOST/api/v3 of a GitHub Enterprise Server.',
  scope: 'repo',
  scopes:
    'Scopes of an OAuth app, separated by spaces. No scope only reads private repositories; a GitHub App has permissions instead.',
  token: 'Personal access token',
  tokens: 'Fine-grained with read access to the repositories, or classic with the scope repo.',
  own,
  levels: ['repository', 'resource', 'column'],
  load: () => import('./connector.js'),
});
