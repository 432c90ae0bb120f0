import type { Resource } from '../../families/api/api.js';
import { fieldsOf } from '../../families/api/fields.js';

// Facts: https://docs.github.com/en/rest. `user` may be null: accounts are deleted.

const all = { state: 'all' };
const list = (path: string, fields: string, more: Partial<Resource> = {}): Resource => ({
  ...{ path, rowsAt: '$', primaryKey: ['id'], fields: fieldsOf(fields) },
  ...more,
});
const repositoryFields = `id:bigint name full_name private:boolean visibility owner=owner.login description fork:boolean
  archived:boolean disabled:boolean language topics:json license=license.spdx_id default_branch size:integer
  stargazers_count:integer forks_count:integer open_issues_count:integer html_url
  created_at:timestamp updated_at:timestamp pushed_at:timestamp`;

export const repositories = (organization?: string): Resource =>
  list(organization === undefined ? 'user/repos' : `orgs/${organization}/repos`, repositoryFields);

/** Of each repository. */
export const repositoryResources: Readonly<Record<string, Resource>> = {
  issues: list(
    'repos/{repository}/issues',
    `id:bigint number:integer title state state_reason user=user.login author_association body labels:json
    assignees:json milestone=milestone.title comments:integer locked:boolean reactions:json pull_request:json html_url
    created_at:timestamp updated_at:timestamp closed_at:timestamp`,
    { query: all, comment: 'Open and closed issues; pull requests are issues, too.' },
  ),
  issue_comments: list(
    'repos/{repository}/issues/comments',
    `id:bigint issue_url user=user.login author_association body reactions:json html_url
    created_at:timestamp updated_at:timestamp`,
  ),
  pull_requests: list(
    'repos/{repository}/pulls',
    `id:bigint number:integer title state draft:boolean user=user.login author_association body labels:json
    assignees:json requested_reviewers:json milestone=milestone.title head_ref=head.ref head_sha=head.sha
    base_ref=base.ref base_sha=base.sha merge_commit_sha html_url created_at:timestamp updated_at:timestamp
    closed_at:timestamp merged_at:timestamp`,
    { query: all },
  ),
  commits: list(
    'repos/{repository}/commits',
    `sha message=commit.message author=author.login author_name=commit.author.name
    author_email=commit.author.email authored_at=commit.author.date:timestamp committer=committer.login
    committer_name=commit.committer.name committed_at=commit.committer.date:timestamp
    verified=commit.verification.verified:boolean parents:json html_url`,
    { primaryKey: ['sha'], comment: 'Of the default branch.' },
  ),
  releases: list(
    'repos/{repository}/releases',
    `id:bigint tag_name target_commitish name body draft:boolean prerelease:boolean author=author.login assets:json
    html_url created_at:timestamp published_at:timestamp`,
  ),
  branches: list('repos/{repository}/branches', 'name sha=commit.sha protected:boolean', {
    primaryKey: ['name'],
  }),
  contributors: list('repos/{repository}/contributors', 'id:bigint login type contributions:integer'),
  labels: list('repos/{repository}/labels', 'id:bigint name color default:boolean description'),
  milestones: list(
    'repos/{repository}/milestones',
    `id:bigint number:integer title state description creator=creator.login open_issues:integer
    closed_issues:integer created_at:timestamp updated_at:timestamp closed_at:timestamp due_on:timestamp`,
    { query: all },
  ),
  workflow_runs: list(
    'repos/{repository}/actions/runs',
    `id:bigint name workflow_id:bigint run_number:integer run_attempt:integer event status conclusion head_branch
    head_sha actor=actor.login html_url created_at:timestamp run_started_at:timestamp updated_at:timestamp`,
    { rowsAt: 'workflow_runs' },
  ),
};
