import type { Api } from '../../families/api/api.js';
import { apiErrors, limitRules } from '../../families/api/errors.js';
import { byLinkHeader } from '../../families/api/paging.js';
import { apiSource } from '../../families/api/source.js';
import { bearer } from '../../families/http/authorization.js';
import type { Connector } from '../../interface/source.js';
import type { Input } from './properties.js';
import { repositories, repositoryResources } from './resources.js';

const api = ({ properties: { url, organization }, login }: Input): Api => ({
  base: new URL(url),
  timeoutSeconds: 30,
  token: login.token,
  headers: (token) => ({
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    authorization: bearer((login.method === 'token' ? login.fields.token : token)?.reveal() ?? ''),
  }),
  paging: byLinkHeader,
  size: { name: 'per_page', most: 100, page: 'page' },
  root: {
    resources: { repositories: repositories(organization) },
    listed: {
      of: 'repository',
      from: repositories(organization),
      nameAt: '/full_name',
      names: /^[\w.-]{1,100}\/[\w.-]{1,100}$/,
      inside: { resources: repositoryResources },
    },
  },
  proof: {
    path: 'user',
    accountAt: '/login',
    versionIn: { header: 'x-github-enterprise-version', product: 'GitHub Enterprise Server' },
  },
  failures: {
    rules: [
      ...limitRules({ remaining: 'x-ratelimit-remaining', reset: 'x-ratelimit-reset' }),
      { statuses: [403], words: 'saml', code: 'SingleSignOn' },
      { statuses: [409], words: 'repository is empty', code: 'EmptyRepository' },
    ],
  },
  waitSeconds: 60,
});

export const connector: Connector<Input> = apiSource({
  api,
  errors: apiErrors(
    {
      SingleSignOn: {
        kind: 'permission_denied',
        message: 'The organization requires single sign-on.',
        remedy: 'Authorize the token for the organization, in its settings at GitHub.',
      },
      EmptyRepository: { kind: 'not_found', message: 'The repository is empty.' },
    },
    { 404: 'Check the name. GitHub also answers so for what the login may not see.' },
  ),
});
