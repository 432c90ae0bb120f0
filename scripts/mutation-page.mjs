import { readFileSync } from 'node:fs';
import { code, head, table } from './markdown.mjs';

/** Results of `npm run mutate`, and every mutant that no test noticed. */
export function mutationPage() {
  const results = JSON.parse(readFileSync(new URL('mutation-results.json', import.meta.url), 'utf8'));
  const percent = ({ killed, mutants }) => `${((100 * killed) / mutants).toFixed(1)} %`;
  const rooms = Object.entries(results).toSorted(([a], [b]) => (a < b ? -1 : 1));
  let text = head('Mutation tests');
  text +=
    'One-line changes that StrykerJS makes to the rooms that keep secrets, and how many of them the tests noticed (`npm run mutate -- ROOM`). The goal is 90 %; below 80 % a room needs tests.\n\n';
  if (rooms.length === 0) return `${text}No room has been measured on this version yet.\n`;
  text += `${table(
    ['room', 'share of its lines', 'seed', 'mutants', 'noticed', ''],
    rooms.map(([room, result]) => [
      room,
      `${result.share} %`,
      `${result.seed}`,
      `${result.mutants}`,
      `${result.killed}`,
      percent(result),
    ]),
  )}\n`;
  for (const [room, { survivors }] of rooms) {
    text += `\n## ${room}\n\n`;
    text += `${table(
      ['file', 'line', 'mutator', 'instead', ''],
      survivors.map(({ file, line, mutator, replacement, isUncovered }) => [
        code(file),
        code(line.slice(0, 90)),
        mutator,
        code(replacement),
        isUncovered ? 'no test reaches it' : '',
      ]),
    )}\n`;
  }
  return text;
}
