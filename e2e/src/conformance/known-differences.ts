/** A place where answers are not what the type definitions say, and why. */
interface TypeDifference {
  /** As the run reports it. */
  fault: string;
  functions: readonly string[];
  why: string;
}

export const typeDifferences: readonly TypeDifference[] = [
  {
    fault: 'qLogOn is number, not "0" | "1" | "LOG_ON_SERVICE_USER" | "LOG_ON_CURRENT_USER"',
    functions: [
      'data-connections.createDataConnection',
      'data-connections.duplicateDataAConnection',
      'connectivity/data-connections.createDataConnection',
      'connectivity/data-connections.duplicateDataConnections',
    ],
    why: "recorded replies of Qlik's have the number, as the type of the connection that is read has.",
  },
  {
    fault: 'dataSources[].dataSourcePropertyName is null, not string',
    functions: ['data-sources.getDataSources', 'connectivity/data-sources.getDataSources'],
    why: "null for sources that have none, as in recorded replies of Qlik's.",
  },
];

/** Lists whose types have `next` and `prev` although no page of them can be asked for. */
export const onePage: readonly string[] = ['audits.getAuditTypes', 'audits.getAuditSources'];

const unknownProperty = 'An unknown connection property is a 400 that names it.';
const noSecret = '`extended` brings no secret out: `qConnectionSecret` is never there.';
const noGateway = 'Direct Access gateways are Qlik software: the list is always empty.';
const localeOrder =
  'With `caseinsensitive`, lists of up to 2,000 connections and unpaged ones are in the exact order of `locale`; longer ones are in an order without case and accents that is the same in every locale.';
const noDataFiles = 'There are no data files, so `owner` and `noDatafiles` have nothing to act on.';

/** What the types do not show, by function; one of `connectivity` without a note has that of the older door. */
export const notes: Readonly<Record<string, string>> = {
  'data-connections.getDataConnections': `${noSecret} ${noDataFiles} ${localeOrder}`,
  'connectivity/data-connections.getDataConnections': `${noSecret} ${noDataFiles} ${localeOrder} Without \`limit\` everything comes in one page, as from the older door; Qlik's text says 20.`,
  'data-connections.createDataConnection': `${unknownProperty} A secret in a connect statement is a 400 that names it: it belongs into \`qPassword\`. The code to send back after a sign-in is a one-time ticket of ours; the provider's own code is accepted too.`,
  'data-connections.getDataConnection': noSecret,
  'data-sources.getDataSources': 'The sources that Mooring has: see [sources](sources.md).',
  'data-sources.getDataSourceGateways': noGateway,
  'dcaas.dataConnectionsDcaas': unknownProperty,
  'connectivity/data-sources.filterDataSourceEndpoints':
    'The login of the connection is never in the answer: `user` and `password` are absent. `endpoint.url` is the HTTP address where the data is read; there is no gRPC endpoint.',
  'api-keys.createApiKey':
    'Nobody makes a key for another user: `sub` is oneself, and others come in [by invitation](../guides/invite-users.md). A key ends no later than the one it is made with; `successor: true` makes its one successor.',
  'users.inviteUsers':
    'Mooring sends no e-mail: the user is made at once, and comes in [by invitation](../guides/invite-users.md).',
  'users.deleteUser': 'The last tenant administrator and the user of an OAuth client stay (409).',
  'csrf-token.getCsrfToken': 'Nothing is signed in by cookie here, so nothing asks for the token.',
  'oauth-clients.createOAuthClient':
    '`web` clients with `client_credentials` and a secret; no other kind can sign in here.',
  'oauth-clients.deleteOAuthClient': 'Refused (409) while its user owns connections or spaces.',
  'audits.getAudits': "Event types are Mooring's: `mooring.v1.…`.",
};
