import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';
import type { Story } from './story.js';
import { duration, tableLines } from './text-layout.js';
import type { StepRecord } from './walk.js';

const titleLengthMax = 58;
const showedLengthMax = 72;

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** The table of all steps, and one line that says how it went. */
export function printSummary(narrator: Narrator, records: readonly StepRecord[]): void {
  narrator.heading('Summary');
  const rows = records.map(({ number, title, showed, isOk, ms }) => [
    number,
    isOk ? '✓' : '✗',
    Math.round(ms),
    cut(title, titleLengthMax),
    cut(showed, showedLengthMax),
  ]);
  const lines = tableLines([['step', ' ', 'ms', 'what was done', 'what it showed'], ...rows]);
  for (const line of lines) narrator.line(`  ${line}`);
  const failed = records.filter(({ isOk }) => !isOk);
  const total = duration(records.reduce((sum, { ms }) => sum + ms, 0));
  narrator.line();
  if (failed.length === 0) narrator.good(`All ${records.length} steps passed in ${total}.`);
  else
    narrator.bad(
      `${failed.length} of ${records.length} steps failed; what followed in their parts was not run.`,
    );
}

const levelWarn = 40;
const logLinesMax = 20;

/** The last warnings and errors that Mooring logged. */
export function printTrouble(narrator: Narrator, log: string): void {
  const lines = log.split('\n').filter((line) => Number(/"level":(\d+)/.exec(line)?.[1] ?? 0) >= levelWarn);
  if (lines.length === 0) return;
  narrator.heading('Warnings and errors in the log of Mooring');
  for (const line of lines.slice(-logLinesMax)) narrator.line(`  ${line}`);
}

/** How to go on by hand: addresses, keys, logins, and how to stop. */
export function printInvitation(narrator: Narrator, stage: Stage, story: Story): void {
  const { mooring, administrator, lab } = stage;
  const { team, sharedConnectionId } = story;
  const people = team === undefined ? [] : [team.alice, team.bob];
  const logins = lab.authorizationServer.users;
  narrator.heading(`Mooring is up at ${mooring.url}`);
  const rows = [
    ['API reference', `${mooring.url}/docs`],
    ['Key of the administrator', administrator.key],
    ...people.map(({ name, key }) => [`Key of ${name}`, key]),
    ...logins.map(({ login, password }) => [`Sign-in page, ${login}`, password]),
  ];
  for (const line of tableLines(rows)) narrator.reveal(`  ${line}`);
  if (team !== undefined && sharedConnectionId !== undefined) {
    narrator.line('\n  The orders as Bob sees them; with the key of Alice it answers others:');
    narrator.reveal(
      [
        `  curl -s -X POST ${mooring.url}/api/v1/data-connections/${sharedConnectionId}/actions/preview \\`,
        `    -H 'Authorization: Bearer ${team.bob.key}' \\`,
        `    -H 'Content-Type: application/json' -d '{"path": ["sales", "orders"]}'`,
      ].join('\n'),
    );
  }
  narrator.line('\n  Stop it with Ctrl-C. The lab ends with it, and the data folder is removed.');
}
