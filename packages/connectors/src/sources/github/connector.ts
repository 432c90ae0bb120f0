import { declaredApi } from '../../families/api/declared-api.js';
import { emptyList, limitAnswers } from '../../families/api/errors.js';
import { declareLists } from '../../families/api/lists.js';
import { byLinkHeader } from '../../families/api/paging.js';
import type { own } from './properties.js';

// Facts: GitHub's OpenAPI description, https://github.com/github/rest-api-description.

const list = declareLists([
  [/^id$|_id$/, 'bigint'],
  [/_at$|_on$/, 'timestamp'],
  [/_count$/, 'integer'],
]);
const inRepository: typeof list = (path, options) => list(`repos/{repository}/${path}`, options);

export const connector = declaredApi<typeof own>({
  headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
  paging: byLinkHeader,
  size: { name: 'per_page', most: 100, page: 'page' },
  proof: {
    path: 'user',
    accountAt: '/login',
    versionIn: { header: 'x-github-enterprise-version', product: 'GitHub Enterprise Server' },
  },
  listed: { of: 'repository', from: 'repositories', nameAt: '/full_name', names: /^[\w.-]+\/[\w.-]+$/ },
  lists: ({ organization }) => ({
    repositories: list(organization === undefined ? 'user/repos' : `orgs/${organization}/repos`)`
      id name full_name private:boolean visibility owner.login description fork:boolean archived:boolean
      disabled:boolean language topics:json license.spdx_id default_branch size:integer stargazers_count
      forks_count open_issues_count html_url created_at updated_at pushed_at`,
    issues: inRepository('issues?state=all', { comment: 'Open and closed; pull requests are issues, too.' })`
      id number:integer title state state_reason user.login author_association body labels:json assignees:json
      milestone.title comments:integer locked:boolean reactions:json pull_request:json html_url
      created_at updated_at closed_at`,
    issue_comments: inRepository('issues/comments')`
      id issue_url user.login author_association body reactions:json html_url created_at updated_at`,
    pull_requests: inRepository('pulls?state=all')`
      id number:integer title state draft:boolean user.login author_association body labels:json assignees:json
      requested_reviewers:json milestone.title head_ref=head.ref head_sha=head.sha base_ref=base.ref
      base_sha=base.sha merge_commit_sha html_url created_at updated_at closed_at merged_at`,
    commits: inRepository('commits', { comment: 'Of the default branch.' })`
      sha message=commit.message author.login author_name=commit.author.name author_email=commit.author.email
      authored_at=commit.author.date committer.login committer_name=commit.committer.name
      committed_at=commit.committer.date verified=commit.verification.verified:boolean parents:json html_url`,
    releases: inRepository('releases')`
      id tag_name target_commitish name body draft:boolean prerelease:boolean author.login assets:json html_url
      created_at published_at`,
    branches: inRepository('branches')`name sha=commit.sha protected:boolean`,
    contributors: inRepository('contributors')`id login type contributions:integer`,
    labels: inRepository('labels')`id name color default:boolean description`,
    milestones: inRepository('milestones?state=all')`
      id number:integer title state description creator.login open_issues:integer closed_issues:integer
      created_at updated_at closed_at due_on`,
    workflow_runs: inRepository('actions/runs', { rowsAt: 'workflow_runs' })`
      id name workflow_id run_number:integer run_attempt:integer event status conclusion head_branch head_sha
      actor.login html_url created_at run_started_at updated_at`,
  }),
  answers: {
    ...limitAnswers({ remaining: 'x-ratelimit-remaining', reset: 'x-ratelimit-reset' }),
    SingleSignOn: {
      statuses: [403],
      words: 'saml',
      kind: 'permission_denied',
      message: 'The organization requires single sign-on.',
      remedy: 'Authorize the token for the organization, in its settings at GitHub.',
    },
    EmptyRepository: { statuses: [409], words: 'repository is empty', kind: emptyList },
  },
  remedies: { 404: 'Check the name. GitHub also answers so for what the login may not see.' },
});
