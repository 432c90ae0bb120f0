import type { Narrator } from './narrator.js';
import type { Stage } from './stage.js';
import type { Story } from './story.js';
import { duration, tableLines, wrap } from './text-layout.js';
import type { StepRecord } from './walk.js';

const titleWidth = 42;
/** Number, result, time, and the blanks between the columns. */
const otherWidth = 22;

function summaryRows({ number, title, showed, isOk, ms }: StepRecord, showedWidth: number) {
  const titles = wrap(title, titleWidth);
  const sentences = wrap(showed, showedWidth);
  return Array.from({ length: Math.max(titles.length, sentences.length) }, (_, index) => [
    index === 0 ? number : '',
    titles[index] ?? '',
    sentences[index] ?? '',
    index > 0 ? '' : isOk ? 'ok' : 'FAILED',
    index === 0 ? Math.round(ms) : '',
  ]);
}

/** The table of all steps, and one line with the result. */
export function printSummary(narrator: Narrator, records: readonly StepRecord[]): void {
  narrator.heading('Summary');
  narrator.line();
  const showedWidth = Math.max(24, narrator.columns - titleWidth - otherWidth);
  const rows = records.flatMap((record) => summaryRows(record, showedWidth));
  for (const line of tableLines([['step', '', 'what it proves', 'result', 'ms'], ...rows])) {
    narrator.line(`  ${line}`);
  }
  const failed = records.filter(({ isOk }) => !isOk);
  const total = duration(records.reduce((sum, { ms }) => sum + ms, 0));
  narrator.line();
  if (failed.length === 0) narrator.good(`All ${records.length} steps passed in ${total}.`);
  else {
    narrator.bad(`${failed.length} of ${records.length} steps failed; the steps after them were not run.`);
  }
}

const levelWarn = 40;
const logLinesMax = 20;

/** The last warnings and errors in Mooring's log. */
export function printTrouble(narrator: Narrator, log: string): void {
  const lines = log.split('\n').filter((line) => Number(/"level":(\d+)/.exec(line)?.[1] ?? 0) >= levelWarn);
  if (lines.length === 0) return;
  narrator.heading('Warnings and errors in the log of Mooring');
  for (const line of lines.slice(-logLinesMax)) narrator.line(`  ${line}`);
}

/** How to continue by hand: addresses, keys, logins, and how to stop. */
export function printInvitation(narrator: Narrator, stage: Stage, story: Story): void {
  const { mooring, administrator, lab } = stage;
  const { team, sharedConnectionId } = story;
  const users = team === undefined ? [] : [team.alice, team.bob];
  const logins = lab.authorizationServer.users;
  narrator.heading(`Mooring is up at ${mooring.url}`);
  const rows = [
    ['API reference', `${mooring.url}/docs`],
    ['Key of the administrator', administrator.key],
    ...users.map(({ name, key }) => [`Key of ${name}`, key]),
    ...logins.map(({ login, password }) => [`Password of ${login} at the lab's sign-in page`, password]),
  ];
  for (const line of tableLines(rows)) narrator.reveal(`  ${line}`);
  if (team !== undefined && sharedConnectionId !== undefined) {
    narrator.line('\n  The orders that Bob sees; with the key of Alice, the same request returns hers:');
    narrator.reveal(
      [
        `  curl -s -X POST ${mooring.url}/api/v1/data-connections/${sharedConnectionId}/actions/preview \\`,
        `    -H 'Authorization: Bearer ${team.bob.key}' \\`,
        `    -H 'Content-Type: application/json' -d '{"path": ["sales", "orders"]}'`,
      ].join('\n'),
    );
  }
  narrator.line('\n  Press Ctrl-C to stop Mooring and the lab, and to remove the data folder.');
}
