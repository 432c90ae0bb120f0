import { notes, typeDifferences } from './known-differences.js';
import { notOffered } from './not-offered.js';
import { moduleNames, type Operation } from './run.js';

const head = `<!-- Written by \`UPDATE=1 npx vitest run e2e/src/conformance\`; do not edit. -->

# Compatibility with Qlik Cloud's public API

What a client of Qlik Cloud's data-connections API finds here, function by function of \`@qlik/api\` 2.19.0. Every function
listed as *same* or *differs* was called with that package, unmodified, against a running Mooring; the status and every
member of every answer were compared with the package's own type definitions, and lists were walked to their end and
back by \`next()\` and \`prev()\`. \`e2e/src/conformance\` does that on every test run and fails when this page is not what it
finds. What is typed into a shell instead is shown by \`e2e/src/curl*.test.ts\`.

- *same*: the documented status, every member of the right type.
- *differs*: it works, and the column says what is not as the types or Qlik's documentation have it.
- *not offered*: answers 404 or 405, for the reason given.

## What holds everywhere

| | here |
|---|---|
| errors | \`{errors: [{code, title, detail, status, meta?}], traceId}\`; \`status\` is always there; codes are listed in [errors.md](errors.md) |
| members beyond the types | answers may carry more members than the types know; they are listed with each function |
| rate limits | off unless configured; then as Qlik documents them: two tiers, a window of five minutes, 429 with \`Retry-After\` |
| browsers | \`@qlik/api\` in a browser loads Qlik's own runtime from the host, which Mooring does not have; in Node it needs nothing |
| doors | \`/api/v1\` and \`/api/connectivity\` are the same operations on the same objects; the newer one has \`createdAt\` beside \`created\`, as both names are in use |
`;

const cell = (text: string) => text.replaceAll('|', '\\|');

/** The note of the function itself, or of the same one behind the older door. */
const noteOf = (name: string) => notes[name] ?? notes[name.replace(/^connectivity\//, '')];

/** Of the faults of an operation: which have a reason. */
export function reasonsOf({ name, faults }: Operation): Map<string, string> {
  const known = typeDifferences.filter((one) => one.functions.includes(name) && faults.has(one.fault));
  return new Map(known.map(({ fault, why }) => [fault, why]));
}

function row(operation: Operation): string {
  const { name, request } = operation;
  const reason = notOffered[name];
  const label = name.slice(operation.module.length + 1);
  if (reason !== undefined) return `| \`${label}\` | ${cell(request)} | not offered | ${cell(reason)} |`;
  const differences = [...reasonsOf(operation)].toSorted().map(([fault, why]) => `\`${fault}\`: ${why}`);
  const note = noteOf(name);
  const verdict = differences.length + (note ? 1 : 0) > 0 ? 'differs' : 'same';
  const more = [...operation.extras].toSorted().map((one) => `\`${one}\``);
  const parts = [...differences, note ?? '', more.length > 0 ? `Also there: ${more.join(', ')}.` : ''];
  return `| \`${label}\` | ${cell(request)} | ${verdict} | ${cell(parts.filter(Boolean).join(' '))} |`;
}

/** The whole page; the same text for the same findings. */
export function compatibilityPage(operations: ReadonlyMap<string, Operation>): string {
  const all = [...operations.values()];
  const sections = moduleNames.map((module) => {
    const rows = all.filter((one) => one.module === module).map(row);
    const columns = '| function | request | here | what differs |\n|---|---|---|---|';
    return `\n## ${module}\n\n${columns}\n${rows.join('\n')}\n`;
  });
  return head + sections.join('');
}
