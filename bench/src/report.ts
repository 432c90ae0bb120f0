import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Finding, meetsAim } from './benchmark.js';

const readme = fileURLToPath(new URL('../README.md', import.meta.url));
const beginMark = '<!-- begin: written by npm run bench -- --write -->';
const endMark = '<!-- end -->';

function aimText({ aim, ratio }: Finding): string {
  if (!aim) return '';
  if ('atLeast' in aim) return `≥ ${aim.atLeast}`;
  return ratio === undefined ? `< ${aim.below}` : `ratio < ${aim.below}`;
}

function verdict(finding: Finding): string {
  const isMet = meetsAim(finding);
  return isMet === undefined ? '' : isMet ? 'met' : '**missed**';
}

/** The findings as a Markdown table. */
export function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => [
    finding.what,
    finding.ours,
    finding.ceiling ? `${finding.ceiling.value}: ${finding.ceiling.name}` : '',
    finding.ratio?.toFixed(2) ?? '',
    aimText(finding),
    verdict(finding),
  ]);
  const lines = [['what', 'Mooring', 'held against', 'ratio', 'aim', ''], Array(6).fill('---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** When, and on what. */
export function surroundings(): string {
  const day = new Date().toISOString().slice(0, 10);
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${day}, Node ${process.versions.node}, ${availableParallelism()} cores (${processor}).`;
}

/** Inserts the table between the marks. @throws Error when the README has no marks. */
export function writeReadme(findings: readonly Finding[]): void {
  const text = readFileSync(readme, 'utf8');
  const from = text.indexOf(beginMark);
  const to = text.indexOf(endMark, from);
  if (from < 0 || to < 0) throw new Error(`the marks are missing in ${readme}`);
  const body = `${beginMark}\n\n${surroundings()}\n\n${tableOf(findings)}\n\n`;
  writeFileSync(readme, text.slice(0, from) + body + text.slice(to));
}
