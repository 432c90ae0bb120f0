import { roomRules } from './scripts/rooms.mjs';

/** Layer rules. Each says what to do instead. What a room may import is in scripts/rooms.mjs. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const server = '^packages/server/src/';

export default {
  forbidden: [
    ...roomRules(),
    rule(
      'no-cycle',
      'Move what both need into a file of its own that neither imports back.',
      {},
      { circular: true },
    ),
    rule(
      'source-to-source',
      'Sources share through a family or the kit, never with each other.',
      { path: '^packages/connectors/src/sources/([^/]+)/', pathNot: '\\.test\\.ts$' },
      { path: '^packages/connectors/src/sources/([^/]+)/', pathNot: '^packages/connectors/src/sources/$1/' },
    ),
    rule(
      'manifest-imports-no-driver',
      'Manifests load at start, drivers on first use: import the driver in connector.ts.',
      { path: '/manifest\\.ts$' },
      { dependencyTypes: ['npm'], path: 'node_modules/(?!zod/)', dynamic: false },
    ),
    rule(
      'feature-to-feature',
      "Features meet in a room below them (credentials, access), never in each other's files.",
      { path: `${server}web/features/([^/]+)/` },
      { path: `${server}web/features/([^/]+)/`, pathNot: `${server}web/features/$1/` },
    ),
    rule(
      'crypto-only-in-vault',
      'Use the crypto room or the vault.',
      { path: server, pathNot: `${server}core/(crypto|vault)/|__fixtures__|\\.test\\.ts$` },
      { path: '^(node:)?crypto$' },
    ),
    rule(
      'revocations-only-by-the-queue',
      'Note the grant with the Revoker, in the transaction that gives it up: a provider that is down is told later.',
      {
        path: server,
        pathNot: `${server}core/credentials/grants/(revoker|end-credentials)\\.ts$|\\.test\\.ts$`,
      },
      { path: `${server}core/oauth/revocation\\.ts$` },
    ),
    rule(
      'sockets-only-in-egress',
      'Go out through the Network of the gate.',
      {
        path: `${server}|^packages/connectors/src/(?!suite/)`,
        pathNot: `${server}core/egress/|\\.test\\.ts$|__fixtures__|test-stand|harness|families/mysql/wire\\.ts$|kit/(client-certificate|relay)\\.ts$`,
      },
      {
        path: '^(node:)?(net|tls|http|https|http2|dgram|dns|dns/promises)$|^undici$',
        dependencyTypesNot: ['type-only'],
      },
    ),
    rule(
      'fastify-only-in-web',
      'The core knows no web framework: throw an AppError, and let web/http answer.',
      { path: `${server}core/`, pathNot: '\\.test\\.ts$' },
      { path: 'node_modules/@?fastify' },
    ),
    rule(
      'store-drivers-only-in-store',
      'Ask the store room for a query.',
      { path: server, pathNot: `${server}(core/store|testing)/|\\.test\\.ts$` },
      { path: 'node_modules/(libsql|pg|pg-connection-string)/' },
    ),
    rule(
      'no-orphans',
      'A file that nobody imports: delete it, or import it where it is used.',
      { orphan: true, pathNot: '\\.d\\.ts$|\\.test\\.ts$|main\\.ts$|bin/mooring|\\.config\\.|^scripts/' },
      {},
    ),
    rule(
      'no-test-in-src',
      'Product code never imports tests, the suite or the lab.',
      {
        path: '^packages/(contract|connectors|server)/src/',
        pathNot: '\\.test\\.ts$|/suite/|test-stand|harness|__fixtures__|/testing/',
      },
      { path: '\\.test\\.ts$|^packages/lab/|/suite/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|^bench/results|^packages/cli/bundle/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['mooring-source', 'import', 'require', 'node', 'default', 'types'],
    },
  },
};
