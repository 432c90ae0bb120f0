import { sqlAbilities, sqlEndpoint } from '../../families/sql/abilities.js';
import { certificateNeedsTls } from '../../families/sql/properties.js';
import { defineSource } from '../../interface/source.js';
import { withTunnel } from '../../kit/ssh/with-tunnel.js';
import { logins, properties, settings } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="PostgreSQL">' +
  '<rect width="32" height="32" rx="7" fill="#336791"/>' +
  '<g fill="none" stroke="#fff" stroke-width="2"><ellipse cx="16" cy="9" rx="8" ry="3"/>' +
  '<path d="M8 9v14c0 1.7 3.6 3 8 3s8-1.3 8-3V9M8 16c0 1.7 3.6 3 8 3s8-1.3 8-3"/></g></svg>';

export const source = withTunnel(
  defineSource({
    specificationVersion: 2,
    id: 'postgres',
    name: 'PostgreSQL',
    category: 'database',
    stage: 'beta',
    links: [
      { title: 'PostgreSQL documentation', url: 'https://www.postgresql.org/docs/current/' },
      { title: 'TLS modes', url: 'https://www.postgresql.org/docs/current/libpq-ssl.html' },
    ],
    icon,
    evidence: {
      verifiedAgainst: [
        'PostgreSQL 18 (embedded binaries), password sign-in by SCRAM, with and without TLS',
        'Client certificates (cert, and clientcert=verify-full with a password), as PEM and PKCS#12',
        'A tunnel through OpenSSH 9.2, with and without TLS to the database',
        'A pooler in transaction mode that resets the connection after each transaction (PgBouncer by hand)',
      ],
      notVerified: ['Kerberos', 'Redshift, CockroachDB, YugabyteDB'],
      limits: [
        'Read-only: every read is one statement in a read-only transaction that is rolled back.',
        'An array whose bounds do not start at 1 is refused by name; read it as text with asText.',
        'A row of more than 32 MiB is refused.',
        'JSON with a repeated member name in one object is refused by name; read it as text with asText.',
      ],
    },
    properties,
    logins,
    settings,
    target: ['host', 'port', 'db'],
    conflicts: (definition) => certificateNeedsTls(definition, ['sslmode', 'disable']),
    endpoints: (definition) => [sqlEndpoint(definition)],
    abilities: sqlAbilities({ query: { language: 'sql', parameters: 'positional' }, splits: true }),
    load: () => import('./connector.js'),
  }),
);
