import { notes, typeDifferences } from './known-differences.js';
import { notOffered } from './not-offered.js';
import { moduleNames, type Operation } from './run.js';

const head = `<!-- Written by \`UPDATE=1 npx vitest run e2e/src/conformance\`; do not edit. -->

# Compatibility with Qlik Cloud's public API

What a client of Qlik Cloud's data-connections API finds here, function by function of \`@qlik/api\` 2.19.0. Every function
listed as *same* or *differs* was called with that package, unmodified, against a running Mooring. The status and every
member of every answer were compared with the package's own type definitions, and lists were followed to their end and
back with \`next()\` and \`prev()\`. \`e2e/src/conformance\` repeats this on every test run, and fails when this page differs
from the result. \`e2e/src/curl*.test.ts\` covers the documented curl commands.

- *same*: the documented status, every member of the right type.
- *differs*: it works; the column names the difference from the types or Qlik's documentation.
- *not offered*: answers 404 or 405, for the stated reason.

## Common to all functions

| | here |
|---|---|
| errors | \`{errors: [{code, title, detail, status, meta?}], traceId}\`; \`status\` is always present; [errors.md](errors.md) lists the codes |
| members beyond the types | answers may have members that the types lack; each function lists them |
| rate limits | off by default; if configured, as Qlik documents them: two tiers, a five-minute window, 429 with \`Retry-After\` |
| browsers | in a browser, \`@qlik/api\` loads Qlik's own runtime from the host, which Mooring does not have; in Node it works as is |
| paths | \`/api/v1\` and \`/api/connectivity\` are the same operations on the same objects; \`/api/connectivity\` has both \`createdAt\` and \`created\`, because clients use both names |
| unknown parameters and members | ignored, with two exceptions that answer 400 and name the right one: parameters that seem to filter a list (\`ownerId\`, \`owner\`, \`name\`, \`sub\`, \`where\`), and members of a connection in items of \`actions/update\` that cannot be changed there. An unknown connection property is a 400. Mooring's own operations reject unknown members |
| spellings | names in any case; \`dataSourceId\` and \`datasourceID\`, \`connectionName\` and \`qName\`, \`spaceId\` and \`space\` on both paths; booleans as \`true\`, \`"True"\`, 1; two spellings with different values are a 400 |
| bodies | JSON in UTF-8, with or without a byte order mark, or in UTF-16 with one, as Windows writes files |
| properties | \`qConnectStatement\` and \`connectionProperties\` contain the properties that were set; defaults apply but are not shown. Qlik's tuning properties are accepted and stored as text, without effect |
| secrets | \`qConnectionSecret\` is stored where the source has a connection secret. The response header \`mooring-passed-over\` names ignored secrets |
| a changed destination | each user must confirm it for their separated credential. A user who selects their own credential for the connection (\`qCredentialsID\`, \`selectedCredentials\`, \`connectionId\` of the credential) confirms its current destination. Nobody can confirm for another user, and bulk operations do not confirm |
| acting for other users | \`urn:qlik:oauth:user-impersonation\` and JWTs of an application's users are not offered; machine clients act as themselves, with tokens that expire after six hours |
`;

const cell = (text: string) => text.replaceAll('|', '\\|');

/** The note of the function, or of its counterpart at `/api/v1`. */
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

/** The whole page; deterministic for the same findings. */
export function compatibilityPage(operations: ReadonlyMap<string, Operation>): string {
  const all = [...operations.values()];
  const sections = moduleNames.map((module) => {
    const rows = all.filter((one) => one.module === module).map(row);
    const columns = '| function | request | here | what differs |\n|---|---|---|---|';
    return `\n## ${module}\n\n${columns}\n${rows.join('\n')}\n`;
  });
  return head + sections.join('');
}
