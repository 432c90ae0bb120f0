// What GitHub's API answers, in small: members that readers use, with their spelling and types. Facts:
// https://github.com/github/rest-api-description

/** The rows of a list, and the member of the body that holds them, if they are not the body itself. */
export interface GithubCall {
  rows: readonly object[];
  within?: string;
}

type Repository = ReturnType<typeof sampleRepositories>[number];

const dayOf = (index: number) =>
  new Date(Date.UTC(2024, 0, 1 + index, 8, 30)).toISOString().replace('.000', '');

const userOf = (index: number) => ({
  login: ['octocat', 'hubot', 'monalisa'][index % 3] as string,
  id: 1_000 + (index % 3),
  type: index % 3 === 1 ? 'Bot' : 'User',
});

export function sampleRepositories(organization: string) {
  return ['engine', 'docs', 'site'].map((name, index) => ({
    id: 4_000_000_001 + index,
    name,
    full_name: `${organization}/${name}`,
    private: index === 0,
    visibility: index === 0 ? 'private' : 'public',
    owner: { login: organization, id: 9, type: 'Organization' },
    html_url: `https://github.example/${organization}/${name}`,
    description: index === 1 ? null : `The ${name} 🚢`,
    fork: false,
    archived: index === 2,
    disabled: false,
    language: index === 1 ? null : 'TypeScript',
    topics: ['data', name],
    license: index === 1 ? null : { key: 'mit', name: 'MIT License', spdx_id: 'MIT' },
    default_branch: 'main',
    size: 108 * (index + 1),
    stargazers_count: 80 - index,
    watchers_count: 80 - index,
    forks_count: 9,
    open_issues_count: 3,
    created_at: dayOf(index),
    updated_at: dayOf(index + 100),
    pushed_at: dayOf(index + 101),
  }));
}

const labels = ['bug', 'docs', 'good first issue'].map((name, index) => ({
  id: 208_045_946 + index,
  name,
  color: 'f29513',
  default: index === 0,
  description: index === 2 ? null : `About ${name}`,
}));

const milestones = [1, 2].map((number) => ({
  id: 1_002_604 + number,
  number,
  title: `v${number}.0`,
  state: number === 1 ? 'closed' : 'open',
  description: null,
  creator: userOf(0),
  open_issues: 4,
  closed_issues: 8,
  created_at: dayOf(number),
  updated_at: dayOf(number + 5),
  closed_at: number === 1 ? dayOf(9) : null,
  due_on: number === 2 ? dayOf(60) : null,
}));

/** Of 205 issues, every fifth is a pull request: GitHub lists both as issues. */
const issueOf = ({ html_url: url }: Repository, index: number) => {
  const isClosed = index % 4 === 0;
  const isPull = index % 5 === 4;
  return {
    id: 3_000_000_000 + index,
    number: index + 1,
    state: isClosed ? 'closed' : 'open',
    state_reason: isClosed ? 'completed' : null,
    title: index === 1 ? 'grinning 😀 "quoted", comma' : `Issue ${index + 1}`,
    body: index % 3 === 0 ? null : `Text of ${index + 1}\nin two lines`,
    // The account of the author was deleted.
    user: index % 7 === 6 ? null : userOf(index),
    author_association: 'CONTRIBUTOR',
    labels: index % 2 === 0 ? [labels[0]] : [],
    assignees: index % 3 === 0 ? [userOf(1)] : [],
    milestone: index % 10 === 0 ? milestones[0] : null,
    locked: false,
    comments: index % 4,
    reactions: { total_count: index % 3, '+1': index % 3 },
    html_url: `${url}/issues/${index + 1}`,
    created_at: dayOf(index),
    updated_at: dayOf(index + 1),
    closed_at: isClosed ? dayOf(index + 2) : null,
    ...(isPull ? { pull_request: { url: `${url}/pulls/${index + 1}`, merged_at: null } } : {}),
  };
};

const pullOf = (repository: Repository, index: number) => ({
  ...issueOf(repository, index),
  draft: index % 2 === 0,
  head: { ref: `topic-${index}`, sha: sha(index), repo: { full_name: repository.full_name } },
  base: { ref: 'main', sha: sha(0), repo: { full_name: repository.full_name } },
  requested_reviewers: [],
  merged_at: index % 4 === 0 ? dayOf(index + 2) : null,
  merge_commit_sha: index % 4 === 0 ? sha(index + 1) : null,
});

const sha = (index: number) => index.toString(16).padStart(40, 'a');

const commitOf = ({ html_url: url }: Repository, index: number) => ({
  sha: sha(index),
  html_url: `${url}/commit/${sha(index)}`,
  commit: {
    author: { name: 'Octo Cat', email: 'octocat@example.com', date: dayOf(index) },
    committer: { name: 'GitHub', email: 'noreply@example.com', date: dayOf(index + 1) },
    message: `Change ${index + 1}`,
    comment_count: 0,
    verification: { verified: index % 2 === 0, reason: index % 2 === 0 ? 'valid' : 'unsigned' },
  },
  author: userOf(index),
  committer: null,
  parents: [{ sha: sha(index + 1) }],
});

const releaseOf = ({ html_url: url }: Repository, index: number) => ({
  id: 7_000 + index,
  tag_name: `v1.${index}`,
  target_commitish: 'main',
  name: `Release 1.${index}`,
  body: null,
  draft: false,
  prerelease: index === 0,
  author: userOf(index),
  assets: [],
  html_url: `${url}/releases/v1.${index}`,
  created_at: dayOf(index),
  published_at: dayOf(index + 1),
});

const runOf = ({ html_url: url }: Repository, index: number) => ({
  id: 30_433_642 + index,
  name: 'Build',
  workflow_id: 159_038,
  run_number: index + 1,
  run_attempt: 1,
  event: 'push',
  status: 'completed',
  conclusion: index % 2 === 0 ? 'success' : 'failure',
  head_branch: 'main',
  head_sha: sha(index),
  actor: userOf(index),
  html_url: `${url}/actions/runs/${index}`,
  created_at: dayOf(index),
  run_started_at: dayOf(index),
  updated_at: dayOf(index),
});

const commentOf = ({ html_url: url }: Repository, index: number) => ({
  id: 9_000 + index,
  issue_url: `${url}/issues/${index + 1}`,
  html_url: `${url}/issues/${index + 1}#issuecomment-${index}`,
  body: `Comment ${index + 1}`,
  user: userOf(index),
  author_association: 'MEMBER',
  reactions: { total_count: 0 },
  created_at: dayOf(index),
  updated_at: dayOf(index),
});

const rowsOf = <Row>(count: number, rowOf: (index: number) => Row): Row[] =>
  Array.from({ length: count }, (_, index) => rowOf(index));

/** Lists of a repository, by path. `state` is `open` unless requested otherwise, as at GitHub. */
export function githubLists(
  repository: Repository,
  query: URLSearchParams,
): Partial<Record<string, GithubCall>> {
  const state = query.get('state') ?? 'open';
  const inState = <Row extends { state: string }>(rows: Row[]) =>
    rows.filter((row) => state === 'all' || row.state === state);
  return {
    issues: { rows: inState(rowsOf(205, (index) => issueOf(repository, index))) },
    'issues/comments': { rows: rowsOf(12, (index) => commentOf(repository, index)) },
    pulls: { rows: inState(rowsOf(40, (index) => pullOf(repository, index * 5 + 4))) },
    commits: { rows: rowsOf(31, (index) => commitOf(repository, index)) },
    releases: { rows: rowsOf(6, (index) => releaseOf(repository, index)) },
    branches: { rows: [{ name: 'main', commit: { sha: sha(0) }, protected: true }] },
    contributors: { rows: rowsOf(3, (index) => ({ ...userOf(index), contributions: 32 - index })) },
    labels: { rows: labels },
    milestones: { rows: inState(milestones) },
    'actions/runs': { rows: rowsOf(7, (index) => runOf(repository, index)), within: 'workflow_runs' },
  };
}
