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
| what is beyond a request's types | these operations pass it over, but for parameters that look as if they filtered a list (\`ownerId\`, \`owner\`, \`name\`, \`sub\`, \`where\`), and members of a connection in items of \`actions/update\` that are not changed there: a 400 that names the right one. An unknown connection property is a 400. Mooring's own operations take what they know, and nothing else |
| spellings | names in any case; \`dataSourceId\` and \`datasourceID\`, \`connectionName\` and \`qName\`, \`spaceId\` and \`space\` on both doors; booleans as \`true\`, \`"True"\`, 1; two spellings that disagree are a 400 |
| bodies | JSON in UTF-8, with or without a mark, or UTF-16 with its mark, as Windows writes files |
| properties | \`qConnectStatement\` and \`connectionProperties\` have what was set; defaults that nobody set are used and not shown. Qlik's tuning properties are taken, kept as text, and change nothing |
| secrets | \`qConnectionSecret\` is kept where the source has a secret of the connection. Secrets that nothing is made of are named in the header \`mooring-passed-over\` of the answer |
| a changed destination | each user's separated credential waits for them. Choosing one's own credential for that connection (\`qCredentialsID\`, \`selectedCredentials\`, \`connectionId\` of the credential) confirms the destination that the connection has at that moment; nobody chooses for somebody else, and no bulk does |
| acting for other users | \`urn:qlik:oauth:user-impersonation\` and JWTs of an application's users are not offered; machine clients act for themselves, with tokens of six hours |
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
