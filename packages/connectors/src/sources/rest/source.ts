import { apiAbilities } from '../../families/api/abilities.js';
import { pagingConflicts } from '../../families/api/pagination-properties.js';
import { signInConflicts } from '../../families/http/logins.js';
import { arrangeHeaders } from '../../families/http/request-headers.js';
import { clientSecrets } from '../../families/http/sign-in-properties.js';
import { forbiddenTls, httpTrust } from '../../families/http/tls-properties.js';
import { defineSource } from '../../interface/source.js';
import { urlEndpoint } from '../../kit/endpoint.js';
import { logins, properties, settings } from './properties.js';

/** Any service that returns JSON over HTTP. */
export const source = defineSource({
  specificationVersion: 2,
  id: 'rest',
  name: 'REST',
  category: 'api',
  stage: 'beta',
  links: [
    {
      title: 'HTTP Semantics (RFC 9110)',
      url: 'https://www.rfc-editor.org/rfc/rfc9110',
    },
    {
      title: 'Qlik REST connector',
      url: 'https://help.qlik.com/en-US/cloud-services/Subsystems/REST_Connector_help/Content/Connectors_REST/Create-REST-connection/Create-REST-connection.htm',
    },
  ],
  icon: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#2f6f8f" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"><path d="M11 5c-4 0-4 2-4 5s0 6-4 6c4 0 4 3 4 6s0 5 4 5M21 5c4 0 4 2 4 5s0 6 4 6c-4 0-4 3-4 6s0 5-4 5"/><path d="M12 16h8M17 12l4 4-4 4"/></svg>',
  properties,
  logins,
  clientSecrets,
  settings,
  queryCredential:
    'Use authSchema apiKey with its name in apiKeyParameter and its value in apiKey, which is sealed',
  arrange: arrangeHeaders,
  conflicts: (definition) => [...pagingConflicts(definition), ...signInConflicts(definition)],
  forbidden: forbiddenTls,
  evidence: {
    verifiedAgainst: ['HTTP servers of the lab and of the tests (node:http)'],
    notVerified: ['Public services on the Internet', 'A client certificate against a vendor’s server'],
    limits: [
      'HTTP has no read-only mode: a POST connection must call an operation that only reads.',
      'With pagination, columns and types come from the first page with rows; fields that only later pages have are in the column _more, and a value of a different type ends the read.',
      'A number that a double cannot hold is bigint or decimal; an object that repeats a member ends the read.',
      'XML and CSV responses and the pagination type Custom are not supported.',
      'Limits: 64 MB and 10 million values per page, 8 MB and a million values per row, 100 levels per value, 10,000 pages and 10,000 columns per read.',
      'Tests, previews and browsing accept pages up to 16 MB with rows up to 2 MB.',
      'Without pagination, a response that indicates more pages ends the read, unless PaginationFirstPageOnly is set; with OffsetTotalPath, one extra request follows the last page, because totals may be capped.',
      'Requesting the same page twice, or two consecutive pages with identical bytes, ends the read with an error.',
      'serverCertificateValidation None is refused unless the operator sets sources.rest.unverifiedTls to allow.',
    ],
  },
  target: ['url'],
  endpoints: (definition) => [urlEndpoint(new URL(definition.url), httpTrust(definition))],
  abilities: apiAbilities({ browse: { levels: ['resource', 'column'], depth: 2, search: false } }),
  load: () => import('./connector.js'),
});
