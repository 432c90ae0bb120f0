import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isTest = (file: string) => /\.test\.ts$|__fixtures__|testing\/|migrations\//.test(file);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !isTest(file),
);

/** Whose a row is. */
const userOf = {
  api_key: 'user_id',
  credential: 'owner_id',
  credential_change: 'user_id',
  oauth_token: 'user_id',
  revocation: 'owner_id',
  secret: 'owner_id',
  sign_in: 'user_id',
} as const;
type OfUsers = keyof typeof userOf;

const begins = new RegExp(
  `(?:selectFrom|updateTable|deleteFrom)\\('(${Object.keys(userOf).join('|')})'\\)`,
  'g',
);
const ends = /\.execute|\n\n|;\n/;
const isById = (statement: string, table: string) =>
  new RegExp(`where\\(\\s*'(?:${table}\\.)?(?:record_)?id'`).test(statement);

const commentWithin = 30;

/** Each statement about a table of users' rows, with the lines before it. */
function statementsOf(file: string) {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(begins)].map((match) => {
    const rest = text.slice(match.index);
    const statement = rest.slice(0, ends.exec(rest)?.index);
    const lines = text.slice(0, match.index).split('\n');
    const before = lines.slice(Math.max(lines.lastIndexOf(''), lines.length - commentWithin)).join('\n');
    return { at: `${file}:${lines.length}`, table: match[1] as OfUsers, statement, before };
  });
}

it('a row of a user that is looked up by id is looked up by its user too, or a comment says why it is not', () => {
  const byId = files.flatMap(statementsOf).filter(({ statement, table }) => isById(statement, table));
  expect(byId.length).toBeGreaterThan(40);
  const withoutUser = byId
    .filter(({ statement, table }) => !statement.includes(`${userOf[table]}', '='`))
    .filter(({ before }) => !before.includes('No user'));
  expect(withoutUser.map(({ at, table }) => `${at} ${table}`)).toEqual([]);
});
