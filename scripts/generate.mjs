// Generates docs/reference from the code; `--check` fails when a committed file is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { metaOf } from '../packages/connectors/dist/kit/properties.js';
import { apiSpecsOf } from '../packages/connectors/dist/qlik/api-specs.js';
import { manifests } from '../packages/connectors/dist/registry.js';
import { errorTable } from '../packages/contract/dist/errors.js';
import { openApiDocument } from '../packages/contract/dist/openapi.js';
import {
  administers,
  assignableRoles,
  decide,
  spaceMatrix,
} from '../packages/server/dist/core/access/matrix.js';
import { describeConfiguration } from '../packages/server/dist/core/config/config-reference.js';
import {
  crashPoints,
  grantInvariants,
  grantLifecycle,
  grantStates,
} from '../packages/server/dist/core/credentials/grants/grant-lifecycle.js';
import { bundledPackages, bundleProduct } from './bundle.mjs';
import { destinationsPage } from './destinations-page.mjs';
import { code, head, list, table } from './markdown.mjs';
import { mutationPage } from './mutation-page.mjs';
import { providersPage } from './providers-page.mjs';
import { roomTable } from './rooms.mjs';
import { sharedCounts, testTiers } from './test-tiers.mjs';
import { valuesPage } from './values-page.mjs';

const folder = new URL('../docs/reference/', import.meta.url);

/** What a source can be read by. */
const readsOf = ({ query, bytes }) =>
  ['path', ...(query ? [`query (${query.language})`] : []), ...(bytes ? ['bytes'] : [])].join(', ');

function sourcesPage() {
  let text = head('Data sources');
  text += 'What each data source was tested against, and what was not tested.\n\n';
  text += `${table(
    ['id', 'name', 'stage', 'sign-in', 'reads', 'describes', 'read-only at the source', 'verified against'],
    manifests.map((manifest) => [
      `[\`${manifest.id}\`](#${manifest.id.toLowerCase()})`,
      manifest.name,
      manifest.stage,
      manifest.signIns.map((method) => method.label).join(', '),
      readsOf(manifest.abilities),
      { path: 'path', 'path-and-query': 'path, query', no: '–' }[manifest.abilities.describe],
      manifest.abilities.readOnly === 'enforced' ? 'yes' : 'no',
      manifest.evidence.verifiedAgainst.join('; '),
    ]),
  )}\n`;
  for (const manifest of manifests) {
    const { properties, required = [] } = apiSpecsOf(manifest).connectionProperties;
    text += `\n## ${manifest.id}\n\n${manifest.name}. ${manifest.links.map((link) => `[${link.title}](${link.url})`).join(', ')}.\n\n`;
    text += `${table(
      ['property', 'type', 'required', 'stored in', 'part of the destination', 'meaning'],
      Object.entries(properties).map(([name, spec]) => {
        const meta = name in manifest.properties.shape ? metaOf(manifest, name) : undefined;
        const holder = meta?.holder ?? 'definition';
        return [
          `\`${name}\``,
          spec.enum ? spec.enum.slice(0, 6).join(', ') + (spec.enum.length > 6 ? ', …' : '') : spec.type,
          required.includes(name) ? 'yes' : '',
          meta?.secret
            ? `secret of the ${holder}`
            : holder === 'definition'
              ? meta
                ? 'definition'
                : ''
              : holder,
          !meta || holder !== 'definition' || meta.decides === 'nothing'
            ? ''
            : meta.decides === 'address'
              ? 'all except its query'
              : 'yes',
          spec.description ?? '',
        ];
      }),
    )}\n\nVerified against:\n\n${list(manifest.evidence.verifiedAgainst)}\nNot verified:\n\n${list(manifest.evidence.notVerified)}\nLimits:\n\n${list(manifest.evidence.limits)}`;
  }
  return text;
}

function errorsPage() {
  const rows = Object.entries(errorTable).map(([code, { status, title, meaning }]) => [
    `\`${code}\``,
    status,
    title,
    meaning,
  ]);
  return `${head('Errors')}The body of every error is \`{errors:[{code, title, detail, status, meta?}], traceId}\`. Codes are stable.\n\n${table(['code', 'status', 'title', 'meaning'], rows)}\n`;
}

function permissionsPage() {
  let text = head('Permissions');
  text +=
    'What each role in a space allows on its connections. A user with several roles has the permissions of all of them. Generated from the code that decides.\n';
  const person = { userId: 'me', roles: [] };
  for (const [type, roles] of Object.entries(assignableRoles)) {
    const rows = ['owner', ...roles].map((standing) => {
      const space = {
        type,
        ownerId: standing === 'owner' ? 'me' : 'other',
        rolesOfCaller: standing === 'owner' ? [] : [standing],
      };
      const own = decide(person, { ownerId: 'me', space });
      const others = decide(person, { ownerId: 'other', space });
      const may = (decision, name) => (decision.privileges.includes(name) ? 'yes' : '');
      return [
        standing,
        may(others, 'list'),
        others.mayUse ? 'yes' : '',
        spaceMatrix[type][standing]?.create ? 'yes' : '',
        may(own, 'update') ? 'own' : '',
        may(others, 'delete') ? 'any' : may(own, 'delete') ? 'own' : '',
        may(own, 'change_space') ? 'own' : '',
        may(others, 'change_owner'),
      ];
    });
    text += `\n## ${type} spaces\n\n${table(['role', 'list, read', 'use data', 'create', 'update', 'delete', 'change space', 'change owner'], rows)}\n`;
  }
  text += `\n## Personal space\n\nOnly its user: list, read, use, create, update, delete, change space.\n`;
  text += `\n## Tenant roles\n\nAdministration of connections (list, read, update, delete, change owner and space) without the right to use their data.\n\n`;
  text += `${table(
    ['role', 'administers'],
    Object.entries(administers).map(([role, types]) => [role, types.join(', ') || 'nothing']),
  )}\n`;
  return text;
}

function configurationPage() {
  const { environment, file } = describeConfiguration();
  let text = head('Configuration');
  text +=
    'Flags of `mooring serve` override the environment, which overrides the file (YAML, `--config`). Each value in the file may be `env:NAME` or `file:PATH`.\n\n';
  text += `## Environment\n\n${table(
    ['variable', 'default', 'meaning'],
    environment.map((row) => [`\`${row.name}\``, row.default, row.meaning]),
  )}\n`;
  text += `\n## File\n\n${table(
    ['key', 'default', 'meaning'],
    file.map((row) => [`\`${row.name}\``, row.default, row.meaning]),
  )}\n`;
  return text;
}

function grantLifecyclePage() {
  let text = head('Grant lifecycle');
  text +=
    'States of an OAuth grant, from the start of a sign-in to its end. Each row has a test with its id in the name.\n\n';
  text += `## States\n\n${table(
    ['state', 'meaning'],
    Object.entries(grantStates).map(([state, meaning]) => [code(state), meaning]),
  )}\n`;
  text += `\n## Events\n\n${table(
    ['id', 'in state', 'event', 'next state', 'effect'],
    grantLifecycle.map(({ id, from, event, to, effect }) => [id, code(from), event, code(to), effect]),
  )}\n`;
  text += `\n## Invariants\n\n${list(grantInvariants)}`;
  text += `\n## After kill -9\n\nTested by \`npx vitest run e2e/src/refresh-crash.test.ts\`, with a hundred grants for each of the first five; outages of the store by \`npx vitest run e2e/src/store-outages.test.ts\`.\n\n${table(
    ['the process died', 'the next start finds', 'result'],
    crashPoints.map(({ point, found, result }) => [point, found, result]),
  )}\n`;
  return text;
}

async function testTiersPage() {
  const rows = await testTiers();
  const onlyInLong = rows.filter(({ quick }) => quick.length === 0);
  const elsewhere = rows.filter(({ quick, long }) => quick.length > 0 && quick.join() !== long.join());
  let text = head('Test tiers');
  text +=
    '`npm test` is the quick tier: each promise once, with its success and failure paths. `npm run test:long` is the long tier: the same files with full counts, on both stores where possible and partly with runners, and `e2e/src/long`; `-- --shard i/n` runs a part of it. `.ci/run` runs the quick tier and one shard of the long one, chosen by the commit.\n\n';
  text += `${rows.length} files. ${onlyInLong.length} run in the long tier only, ${elsewhere.length} in more projects there.\n\n`;
  text += '## Counts\n\n';
  text += `${table(
    ['file', 'count', 'quick', 'long'],
    [...rows, ...sharedCounts()].flatMap(({ file, counts }) =>
      counts.map(({ name, quick, long }) => [code(file), code(name), quick, long]),
    ),
  )}\n\n## Where each file runs\n\n`;
  text += `${table(
    ['file', 'quick', 'long'],
    rows.map(({ file, quick, long }) => [
      code(file),
      quick.join(', '),
      quick.join() === long.join() ? 'the same' : long.join(', '),
    ]),
  )}\n`;
  return text;
}

async function bundlePage() {
  const packages = bundledPackages(await bundleProduct());
  return `${head('Packages in the bundle')}The bundle of \`mooring\` contains code from ${packages.length} packages; [supply chain](supply-chain.md) describes how the lockfile pins them. The native part of \`libsql\` and the dependencies of the lab are loaded from \`node_modules\`; two files of \`@fastify/swagger-ui\` lie beside the bundle.\n\n${packages.map((name) => `- ${code(name)}`).join('\n')}\n`;
}

/** ARCHITECTURE.md, with the table of rooms from the rules. */
function architecturePage() {
  const text = readFileSync(new URL('../../ARCHITECTURE.md', folder), 'utf8');
  return text.replace(
    /(<!-- rooms -->\n)[\s\S]*(?=<!-- \/rooms -->)/,
    (_whole, start) => `${start}${roomTable()}\n`,
  );
}

const files = {
  '../../ARCHITECTURE.md': architecturePage(),
  'openapi.json': `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  'sources.md': sourcesPage(),
  'values.md': `${head('Values')}${await valuesPage(table)}`,
  'destinations.md': destinationsPage(),
  'errors.md': errorsPage(),
  'permissions.md': permissionsPage(),
  'configuration.md': configurationPage(),
  'grant-lifecycle.md': grantLifecyclePage(),
  'mutation.md': mutationPage(),
  'oauth-providers.md': providersPage(),
  'test-tiers.md': await testTiersPage(),
  'bundle-packages.md': await bundlePage(),
};

const isCheck = process.argv.includes('--check');
let stale = 0;
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const file = new URL(name, folder);
  const current = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (current === text) continue;
  stale += 1;
  if (!isCheck) writeFileSync(file, text);
  process.stdout.write(`${isCheck ? 'stale' : 'wrote'}: ${path.posix.normalize(`docs/reference/${name}`)}\n`);
}
if (isCheck && stale > 0) {
  process.stdout.write('Run: npm run generate\n');
  process.exit(1);
}
