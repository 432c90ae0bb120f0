import { sqlAbilities } from '../../families/sql/abilities.js';
import { certificateNeedsTls } from '../../families/sql/properties.js';
import { defineSource } from '../../interface/source.js';
import { addressOf, logins, properties, settings } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="ClickHouse">' +
  '<rect width="32" height="32" rx="7" fill="#1e1e1e"/>' +
  '<path d="M8 7v18M12.5 7v18M17 7v18M21.500 7v18" stroke="#faff69" stroke-width="2.6"/>' +
  '<path d="M26 14v4" stroke="#faff69" stroke-width="2.6"/></svg>';

export const source = defineSource({
  specificationVersion: 2,
  id: 'clickhouse',
  name: 'ClickHouse',
  category: 'database',
  stage: 'preview',
  links: [
    { title: 'ClickHouse documentation: HTTP interface', url: 'https://clickhouse.com/docs/interfaces/http' },
    { title: 'ClickHouse documentation', url: 'https://clickhouse.com/docs' },
  ],
  icon,
  evidence: {
    verifiedAgainst: [
      'ClickHouse 26.7 as chdb 3.4 (the engine in a process) behind the lab’s stand-in for the HTTP interface',
    ],
    notVerified: [
      'The HTTP interface of a ClickHouse server, ClickHouse Cloud, and versions before 26.7',
      'Sign-in by certificate, SSH key, LDAP, Kerberos or token',
    ],
    limits: [
      'Read-only: every statement runs with readonly = 1, or with the user’s own readonly = 2. A user with readonly = 1 in their profile is refused, because the format of results is chosen by settings.',
      'A query is one SELECT statement, which may begin with WITH; it is read as a subquery.',
      'UInt64 is decimal(20, 0); integers of 128 and 256 bits are decimals as text.',
      'A DateTime64 with nanoseconds is refused by name where they are not zero; read it with asText.',
      'Text that is not UTF-8 is refused by column and row.',
      'Enum, UUID, IP addresses, Time and intervals are text; arrays, maps, tuples, geometries, JSON, Variant and Dynamic are json as toJSONString writes them; states of aggregate functions are refused by name.',
    ],
  },
  properties,
  logins,
  settings,
  target: ['host', 'port', 'database'],
  conflicts: (definition) => certificateNeedsTls(definition, ['secure', false]),
  endpoints: (definition) => {
    const { host, port, secure, ca } = addressOf(definition);
    const trust = {
      verify: 'full',
      ...(ca === undefined ? {} : { ca }),
      ...(definition.enableMutualSSL ? { clientCertificate: true } : {}),
    } as const;
    return [{ role: 'data', host, port, security: secure ? 'tls' : 'none', ...(secure ? { trust } : {}) }];
  },
  abilities: sqlAbilities({
    query: { language: 'sql', parameters: 'named' },
    browse: { levels: ['database', 'table', 'view', 'column'], depth: 3, search: false },
  }),
  load: () => import('./connector.js'),
});
