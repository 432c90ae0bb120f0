/** Layer rules. Each says what to do instead. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const server = '^packages/server/src/';

export default {
  forbidden: [
    rule(
      'no-cycle',
      'Move what both need into a file of its own that neither imports back.',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    rule(
      'contract-imports-nothing',
      'The contract is what travels; it knows no other room. Move the code to the room that needs it.',
      { path: '^packages/contract/' },
      { path: '^packages/(connectors|server|lab|cli)/' },
    ),
    rule(
      'connectors-know-no-server',
      'A connector gets everything through its context. Extend spec/ if something is missing.',
      { path: '^packages/connectors/src/', pathNot: '\\.test\\.ts$|test-stand|harness' },
      { path: '^packages/(server|lab|cli)/' },
    ),
    rule(
      'source-to-source',
      'Sources share through a family or the kit, never with each other.',
      { path: '^packages/connectors/src/sources/([^/]+)/', pathNot: '\\.test\\.ts$' },
      { path: '^packages/connectors/src/sources/([^/]+)/', pathNot: '^packages/connectors/src/sources/$1/' },
    ),
    rule(
      'spec-imports-nothing-above',
      'The interface lives below its users. Move helpers to kit/.',
      { path: '^packages/connectors/src/spec/' },
      { path: '^packages/connectors/src/(kit|families|providers|sources|suite)/' },
    ),
    rule(
      'providers-are-data',
      'An OAuth provider is data over the spec. What it needs beyond that is a member of OAuthPreset.',
      { path: '^packages/connectors/src/providers/' },
      { pathNot: '^packages/connectors/src/(providers|spec)/' },
    ),
    rule(
      'manifest-imports-no-driver',
      'Manifests load at start, drivers on first use: import the driver in connector.ts.',
      { path: '/manifest\\.ts$' },
      { dependencyTypes: ['npm'], path: 'node_modules/(?!zod/)', dynamic: false },
    ),
    rule(
      'feature-to-feature',
      "Features meet in a room below them (broker, sign-ins, access), never in each other's files.",
      { path: `${server}features/([^/]+)/` },
      { path: `${server}features/([^/]+)/`, pathNot: `${server}features/$1/` },
    ),
    rule(
      'rooms-know-no-feature',
      'Only the composition root knows the features.',
      { path: `${server}(?!features/|app\\.ts|serve\\.ts|sealed\\.ts)`, pathNot: '\\.test\\.ts$' },
      { path: `${server}features/` },
    ),
    rule(
      'crypto-only-in-vault',
      'Use vault/digest, vault/random or the vault itself.',
      { path: server, pathNot: `${server}vault/|\\.test\\.ts$` },
      { path: '^(node:)?crypto$' },
    ),
    rule(
      'revocations-only-by-the-queue',
      'Note the grant with the Revoker, in the transaction that gives it up: a provider that is down is told later.',
      { path: server, pathNot: `${server}broker/(revoker|refreshing)\\.ts$|\\.test\\.ts$` },
      { path: `${server}oauth/revocation\\.ts$` },
    ),
    rule(
      'sockets-only-in-egress',
      'Go out through the Network of the gate.',
      {
        path: `${server}|^packages/connectors/src/(?!suite/)`,
        pathNot: `${server}egress/|\\.test\\.ts$|__fixtures__|test-stand|harness|families/mysql/wire\\.ts$|kit/client-certificate\\.ts$`,
      },
      {
        path: '^(node:)?(net|tls|http|https|http2|dgram|dns|dns/promises)$|^undici$',
        dependencyTypesNot: ['type-only'],
      },
    ),
    rule(
      'store-drivers-only-in-store',
      'Ask the store room for a query.',
      { path: server, pathNot: `${server}(store|testing)/|\\.test\\.ts$` },
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
    exclude: { path: '(^|/)dist/|^bench/results' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['mooring-source', 'import', 'require', 'node', 'default', 'types'],
    },
  },
};
