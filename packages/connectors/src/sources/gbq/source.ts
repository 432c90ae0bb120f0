import { defineSource } from '../../interface/source.js';
import { urlEndpoint } from '../../kit/endpoint.js';
import { logins, properties, settings, urlsOf } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#3b6fd4" stroke-width="2.5" ' +
  'stroke-linecap="round"><path d="M9.5 4.5h13L29 16l-6.500 11.500h-13L3 16z" stroke-linejoin="round"/>' +
  '<circle cx="15" cy="15" r="5.500"/><path d="M19 19l4.500 4.500M13 15v2M15 13v4M17 14.500v2.500"/></svg>';

export const source = defineSource({
  specificationVersion: 2,
  id: 'gbq',
  name: 'Google BigQuery',
  category: 'database',
  stage: 'beta',
  links: [
    { title: 'BigQuery REST API', url: 'https://cloud.google.com/bigquery/docs/reference/rest' },
    { title: 'Service account keys', url: 'https://cloud.google.com/iam/docs/keys-create-delete' },
  ],
  icon,
  evidence: {
    verifiedAgainst: [
      'the lab’s stand-in for the BigQuery REST API, which @google-cloud/bigquery 8.3 reads, too',
    ],
    notVerified: ['Google’s own service, which needs an account'],
    limits: [
      'BigQuery has no read-only session: a query runs only if a dry run reports a SELECT statement. ' +
        'A SELECT that calls a remote function or EXTERNAL_QUERY may still have effects there; grant read roles only.',
      'Tables are read with tabledata.list, which is free but not available for tables with row access policies; ' +
        'views, external tables and queries are billed.',
      'Filters of a read are applied here, after the rows have arrived: for a large table, write them into a query.',
      'A query parameter without a type is INT64, FLOAT64, BOOL or STRING by its JSON type; null is a STRING.',
      'A TIMESTAMP with twelve fractional digits is refused, because the last six would be lost; cast it to STRING.',
      'A P12 key is opened when it is used, not when it is entered.',
    ],
  },
  properties,
  logins,
  settings,
  target: ['Catalog'],
  endpoints({ OAuthMechanism }, operator) {
    const { api, token } = urlsOf(operator);
    return [
      urlEndpoint(api),
      ...(OAuthMechanism === '0' ? [{ ...urlEndpoint(token), role: 'token' as const }] : []),
    ];
  },
  abilities: {
    query: { language: 'sql', parameters: 'both' },
    pushdown: { columns: true, limit: true, order: false, filter: [] },
    browse: { levels: ['dataset', 'table', 'view', 'column'], depth: 3, search: false },
    describe: 'path-and-query',
    splits: false,
    bytes: false,
    files: false,
    cancel: 'at-source',
    // A query is run only if BigQuery says of it, without running it, that it is a SELECT.
    readOnly: 'enforced',
    reset: false,
  },
  load: () => import('./connector.js'),
});
