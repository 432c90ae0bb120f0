/** A known difference between answers and the type definitions, with its reason. */
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
    why: 'replies recorded from Qlik have the number, like the type of a connection that is read.',
  },
  {
    fault: 'dataSources[].dataSourcePropertyName is null, not string',
    functions: ['data-sources.getDataSources', 'connectivity/data-sources.getDataSources'],
    why: 'null for sources without one, as in replies recorded from Qlik.',
  },
];

/** Lists whose types have `next` and `prev` although they have no paging parameters. */
export const onePage: readonly string[] = ['audits.getAuditTypes', 'audits.getAuditSources'];

const unknownProperty = 'An unknown connection property is a 400 that names it.';
const noSecret = '`extended` never returns a secret: `qConnectionSecret` is always absent.';
const noGateway = 'Direct Access gateways are Qlik software: the list is always empty.';
const localeOrder =
  'With `caseinsensitive`, lists of up to 2,000 connections and lists without paging are sorted exactly by `locale`; longer ones are sorted without case and accents, the same in every locale.';
const noDataFiles = 'Mooring has no data files, so `owner` and `noDatafiles` have no effect.';

/** What the types do not show, by function; a function of `connectivity` inherits the note at `/api/v1`. */
export const notes: Readonly<Record<string, string>> = {
  'data-connections.getDataConnections': `${noSecret} ${noDataFiles} ${localeOrder}`,
  'connectivity/data-connections.getDataConnections': `${noSecret} ${noDataFiles} ${localeOrder} Without \`limit\` the whole list is one page, as at \`/api/v1\`; Qlik documents 20.`,
  'data-connections.createDataConnection': `${unknownProperty} A secret in a connect statement is a 400 that names it: send it in \`qPassword\`. The code after a sign-in is Mooring's one-time ticket; the provider's own code is accepted, too.`,
  'data-connections.getDataConnection': noSecret,
  'data-sources.getDataSources': 'The sources of Mooring: see [sources](sources.md).',
  'data-sources.getDataSourceGateways': noGateway,
  'dcaas.dataConnectionsDcaas': unknownProperty,
  'connectivity/data-sources.filterDataSourceEndpoints':
    'The answer never contains the login: `user` and `password` are absent. `endpoint.url` is the HTTP address to read the data; Mooring has no gRPC endpoint.',
  'api-keys.createApiKey':
    'Users create keys only for themselves: `sub` is the caller; other users need [an invitation](../guides/invite-users.md). A key expires no later than the key that created it; `successor: true` creates its only successor.',
  'users.inviteUsers':
    'Mooring sends no e-mail: it creates the user at once, who then needs [an invitation](../guides/invite-users.md).',
  'users.deleteUser':
    'The last tenant administrator and the user of an OAuth client cannot be deleted (409).',
  'csrf-token.getCsrfToken': 'Mooring does not authenticate by cookie, so no request needs the token.',
  'oauth-clients.createOAuthClient': 'Only `web` clients with `client_credentials` and a secret can sign in.',
  'oauth-clients.deleteOAuthClient': 'Answers 409 while its user owns connections or spaces.',
  'audits.getAudits': "Event types are Mooring's: `mooring.v1.…`.",
};
