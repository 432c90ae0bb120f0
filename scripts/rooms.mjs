// Which room may import which: the only place that says so. dependency-cruiser's rules and the table of ARCHITECTURE.md
// are made from it, and a circle of rooms is refused here.

const connectors = 'packages/connectors/src';
const core = 'packages/server/src/core';
const web = 'packages/server/src/web';

/** What every room that works with sources may know of them. */
const aboutSources = ['interface', 'kit'];

/**
 * `at`: a folder, or one file. `mayImport`: rooms, types included. `doors`: files of a room that others may import; absent:
 * all of them. From the lowest room to the highest.
 */
export const rooms = [
  {
    name: 'contract',
    at: 'packages/contract/src',
    purpose:
      'What travels over HTTP: one route object per operation in `routes/`, schemas, the error table with its texts in `errors.ts`, OpenAPI, the client.',
    mayImport: [],
  },
  {
    name: 'interface',
    at: `${connectors}/interface`,
    purpose:
      'What a source is: properties, logins, endpoints, abilities as typed data; session, planned reads, errors, neutral types, `Secret`.',
    mayImport: ['contract'],
  },
  {
    name: 'providers',
    at: `${connectors}/providers`,
    purpose: 'OAuth providers as data, one file each: endpoints, scopes, deviations from the standard.',
    mayImport: ['interface'],
  },
  {
    name: 'kit',
    at: `${connectors}/kit`,
    purpose:
      'Runs sessions (`session/`): abort, grace, stray errors, translation, filters, projection, batches. Derived from a source: typed input, the flat view (`manifest.ts`), destinations. TLS, Arrow, JSON.',
    mayImport: ['contract', 'interface'],
  },
  {
    name: 'families',
    at: `${connectors}/families`,
    purpose:
      'What sources share, as functions: `sqlSource`, `fileSource`, `apiSource`, `jobSource`; the protocols of PostgreSQL, MySQL and ClickHouse, S3, SFTP, BigQuery, Google’s sign-in, file formats, HTTP.',
    mayImport: ['contract', 'interface', 'providers', 'kit'],
  },
  {
    name: 'sources',
    at: `${connectors}/sources`,
    purpose:
      'One folder per data source: `source.ts` is data, `properties.ts` types what users fill in, `connector.ts` loads the driver.',
    mayImport: ['interface', 'providers', 'kit', 'families'],
  },
  {
    name: 'qlik',
    at: `${connectors}/qlik`,
    purpose:
      "Qlik's wire: provider names, connect statements, QRIs, api-specs, `connectionProperties`, and properties of Qlik's drivers that have no effect here.",
    mayImport: ['contract', 'interface', 'kit'],
  },
  {
    name: 'registry',
    at: `${connectors}/registry.ts`,
    purpose: 'One line per source.',
    mayImport: ['interface', 'kit', 'qlik', 'sources'],
  },
  {
    name: 'crypto',
    at: `${core}/crypto`,
    purpose: 'Digests, random values, private keys.',
    mayImport: ['kit'],
  },
  {
    name: 'egress',
    at: `${core}/egress`,
    purpose: 'The gate, the only way to the network; the probe built on it.',
    mayImport: aboutSources,
  },
  {
    name: 'config',
    at: `${core}/config`,
    purpose:
      'The only reader of the environment and the configuration file. `config-file.ts` has every setting and limit with its default.',
    mayImport: [...aboutSources, 'providers', 'registry', 'egress'],
  },
  {
    name: 'store',
    at: `${core}/store`,
    purpose:
      'Embedded SQLite or shared PostgreSQL: `migrations/`, the columns in `tables.ts`, transactions that retry on conflict.',
    mayImport: ['kit', 'crypto'],
  },
  {
    name: 'errors',
    at: `${core}/errors`,
    purpose: '`AppError`, error answers, coarse answers for users who may not edit a connection.',
    mayImport: ['contract', 'interface', 'store'],
  },
  {
    name: 'input',
    at: `${core}/input`,
    purpose: 'Documented spellings to canonical input; validation.',
    mayImport: ['contract', 'errors'],
  },
  {
    name: 'vault',
    at: `${core}/vault`,
    purpose: 'Keyring, rotation, key services, envelope encryption.',
    mayImport: [...aboutSources, 'crypto', 'egress', 'config', 'store'],
  },
  {
    name: 'audit',
    at: `${core}/audit`,
    purpose: 'Audit events, written in the transaction of the change.',
    mayImport: ['crypto', 'store'],
  },
  {
    name: 'access',
    at: `${core}/access`,
    purpose:
      'Callers: API keys, access tokens, invitations. Who may do what: the role matrix in `matrix.ts`, applied to a connection.',
    mayImport: ['contract', 'crypto', 'store', 'errors', 'input', 'vault', 'audit'],
  },
  {
    name: 'filter',
    at: `${core}/filter`,
    purpose: 'SCIM filters as SQL conditions.',
    mayImport: ['errors'],
  },
  {
    name: 'rates',
    at: `${core}/rates`,
    purpose: 'Rate limits shared over the store, quotas, throttled guesses.',
    mayImport: ['config', 'store', 'errors', 'access'],
  },
  {
    name: 'idempotency',
    at: `${core}/idempotency`,
    purpose: 'Answers kept for an `Idempotency-Key`.',
    mayImport: ['kit', 'crypto', 'store', 'errors', 'vault', 'access'],
  },
  {
    name: 'catalogue',
    at: `${core}/catalogue`,
    purpose: 'Finds data sources, says where a definition leads, turns property problems into errors.',
    mayImport: [...aboutSources, 'qlik', 'registry', 'crypto', 'store', 'errors', 'audit'],
  },
  {
    name: 'oauth',
    at: `${core}/oauth`,
    purpose: 'OAuth exchanges, one file per grant type, and the classes of their failures. No vendor names.',
    mayImport: [...aboutSources, 'crypto', 'egress'],
  },
  {
    name: 'streams',
    at: `${core}/streams`,
    purpose: 'Rows to NDJSON, CSV and Arrow, with back-pressure and caps.',
    mayImport: aboutSources,
  },
  {
    name: 'isolation',
    at: `${core}/isolation`,
    purpose: 'Concurrency limits per source, tenant and process; the circuit breaker of a source.',
    mayImport: [...aboutSources, 'config', 'errors'],
  },
  {
    name: 'usage-log',
    at: `${core}/usage-log`,
    purpose: 'The usage log: keyed hash chains, signed checkpoints, verification, retention.',
    mayImport: ['crypto', 'store', 'errors', 'vault', 'audit', 'access'],
  },
  {
    name: 'credentials',
    at: `${core}/credentials`,
    purpose:
      'Credentials: stored, resolved for a caller, opened; the life of OAuth grants; interactive sign-ins.',
    doors: ['records.ts', 'resolve.ts', 'grants.ts', 'sign-ins.ts'],
    mayImport: [
      ...[
        'contract',
        ...aboutSources,
        'qlik',
        'crypto',
        'egress',
        'config',
        'store',
        'errors',
        'vault',
        'audit',
        'access',
      ],
      ...['rates', 'catalogue', 'oauth'],
    ],
  },
  {
    name: 'sessions',
    at: `${core}/sessions`,
    purpose:
      'The work of a use: opens a connector, encodes its rows, ends when the right to it is gone. The staged test.',
    mayImport: [
      ...[...aboutSources, 'registry', 'egress', 'store', 'errors', 'access', 'catalogue', 'streams'],
      ...['isolation', 'credentials'],
    ],
  },
  {
    name: 'runners',
    at: `${core}/runners`,
    purpose:
      'Processes that do this work, each for one user: pool, pipe, watch. `permissions.ts` says what they may do; `runner-main.ts` is their program.',
    mayImport: [...aboutSources, 'registry', 'egress', 'errors', 'catalogue', 'streams', 'sessions'],
  },
  {
    name: 'opening',
    at: `${core}/opening`,
    purpose: 'Opens the store and its keys at a start; settles what a crash or a lost key left.',
    mayImport: [
      ...[
        'kit',
        'egress',
        'config',
        'store',
        'vault',
        'audit',
        'access',
        'idempotency',
        'usage-log',
        'credentials',
      ],
    ],
  },
  {
    name: 'backup',
    at: `${core}/backup`,
    purpose: 'Archive and keyring of the embedded store: written, proven, restored.',
    mayImport: ['crypto', 'config', 'store', 'vault', 'audit', 'opening'],
  },
  {
    name: 'move',
    at: `${core}/move`,
    purpose: 'The embedded store to PostgreSQL: every row compared, every record opened.',
    mayImport: ['crypto', 'config', 'store', 'vault', 'audit', 'idempotency', 'opening'],
  },
  {
    name: 'self-check',
    at: `${core}/self-check`,
    purpose: 'Does the public URL lead here, does each provider accept our redirect URI, do runners start.',
    mayImport: [
      ...['contract', 'interface', 'crypto', 'egress', 'config', 'errors', 'oauth', 'credentials', 'runners'],
    ],
  },
  {
    name: 'http',
    at: `${web}/http`,
    purpose:
      'Fastify: routes of the contract, authentication, limits, `Idempotency-Key`, `ETag`, paging, error answers.',
    mayImport: ['contract', 'crypto', 'store', 'errors', 'input', 'audit', 'access', 'idempotency'],
  },
  {
    name: 'features',
    at: `${web}/features`,
    purpose: 'One folder per slice of the API; never imports another slice.',
    mayImport: [
      ...[
        'contract',
        ...aboutSources,
        'qlik',
        'crypto',
        'config',
        'store',
        'errors',
        'input',
        'vault',
        'audit',
        'access',
      ],
      ...['filter', 'rates', 'catalogue', 'streams', 'isolation', 'usage-log', 'credentials', 'sessions'],
      ...['self-check', 'http'],
    ],
  },
  {
    name: 'start',
    at: 'packages/server/src/start',
    purpose:
      'The composition root (`app.ts`), start and sealed start, drain, the log (`log.ts`), metrics, periodic clean-up.',
    mayImport: [
      ...[
        'contract',
        'kit',
        'registry',
        'crypto',
        'egress',
        'config',
        'store',
        'errors',
        'vault',
        'audit',
        'access',
      ],
      ...[
        'rates',
        'idempotency',
        'catalogue',
        'isolation',
        'usage-log',
        'credentials',
        'sessions',
        'runners',
      ],
      ...['opening', 'self-check', 'http', 'features'],
    ],
  },
  {
    name: 'lab',
    at: 'packages/lab/src',
    purpose:
      'Stand-ins for providers and sources, the watch on sockets, the demo. For tests and `mooring lab`.',
    mayImport: ['contract', 'interface', 'kit'],
  },
  {
    name: 'cli',
    at: 'packages/cli/src',
    purpose: 'The commands of `mooring`; each loads what it needs on demand.',
    mayImport: ['contract', 'config', 'opening', 'backup', 'move', 'start', 'lab'],
  },
];

/** @throws Error for an unknown room, or a circle: a room imports only rooms above it in the list. */
function assertLayered() {
  const names = rooms.map(({ name }) => name);
  for (const [index, { name, mayImport }] of rooms.entries()) {
    for (const other of mayImport) {
      const at = names.indexOf(other);
      if (at < 0) throw new Error(`rooms.mjs: ${name} may import ${other}, which is not a room`);
      if (at >= index) throw new Error(`rooms.mjs: ${name} and ${other} are in a circle, or out of order`);
    }
  }
}
assertLayered();

const escaped = (text) => text.replaceAll('.', '\\.');
const pattern = ({ at }) => `^${escaped(at)}${at.endsWith('.ts') ? '$' : '/'}`;
const forTests = '\\.test\\.ts$|__fixtures__|/testing/|/suite/|test-stand|harness';

/** Rules of dependency-cruiser: what no room may import, and which files of a room are its doors. */
export function roomRules() {
  const imports = rooms.map((room) => {
    const allowed = rooms.filter(({ name }) => name === room.name || room.mayImport.includes(name));
    return {
      name: `room-${room.name}`,
      severity: 'error',
      comment: `${room.name} may import ${room.mayImport.join(', ') || 'no other room'} (scripts/rooms.mjs). Move the code to the room that it belongs to, or what both need to a room below them.`,
      from: { path: pattern(room), pathNot: forTests },
      to: { path: '^packages/', pathNot: `${allowed.map(pattern).join('|')}|/node_modules/|${forTests}` },
    };
  });
  const doors = rooms
    .filter((room) => room.doors)
    .map((room) => ({
      name: `doors-of-${room.name}`,
      severity: 'error',
      comment: `Import from a door of the room: ${room.doors.join(', ')}.`,
      from: { path: '^packages/', pathNot: `${pattern(room)}|${forTests}` },
      to: {
        path: pattern(room),
        pathNot: room.doors.map((door) => `^${escaped(`${room.at}/${door}`)}$`).join('|'),
      },
    }));
  return [...imports, ...doors];
}

/** The table of ARCHITECTURE.md. */
export function roomTable() {
  const rows = rooms.map(({ name, at, purpose, mayImport, doors }) => {
    const place = at.replace('packages/', '').replace('/src', '');
    const door = doors ? ` Doors: ${doors.map((file) => `\`${file}\``).join(', ')}.` : '';
    return `| **${name}** \`${place}\` | ${purpose}${door} | ${mayImport.join(', ') || '–'} |`;
  });
  return ['| room | what it is for | may import |', '| --- | --- | --- |', ...rows].join('\n');
}
