import type { Abilities } from '../../interface/abilities.js';
import type { Endpoint } from '../../interface/endpoint.js';
import { filterOps } from '../../interface/filter.js';
import type { SqlEndpoint } from './properties.js';

/** What all SQL servers that we read can do. */
export const sqlAbilities = (own: Partial<Abilities> = {}): Abilities => ({
  query: { language: 'sql', parameters: 'none' },
  pushdown: { columns: true, limit: true, order: true, filter: filterOps },
  browse: { levels: ['schema', 'table', 'view', 'column'], depth: 3, search: false },
  describe: 'path-and-query',
  splits: false,
  bytes: false,
  files: false,
  cancel: 'at-source',
  readOnly: 'enforced',
  reset: true,
  ...own,
});

/** Where a definition with the properties of `properties.ts` leads. TLS starts after a first message in clear text. */
export const sqlEndpoint = ({
  host,
  port,
  sslmode,
  rootCertificates,
  enableMutualSSL,
}: SqlEndpoint): Endpoint => ({
  role: 'data',
  host,
  port,
  security: sslmode === 'disable' ? 'none' : 'starttls',
  trust: {
    ...(rootCertificates?.length ? { ca: rootCertificates.map(({ value }) => value).join('\n') } : {}),
    ...(enableMutualSSL ? { clientCertificate: true } : {}),
    verify: sslmode === 'verify-full' ? 'full' : sslmode === 'verify-ca' ? 'chain' : 'none',
  },
});
