import { mySqlLimits, mySqlSource } from '../../families/mysql/source.js';
import { defineSource } from '../../interface/source.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="MariaDB">' +
  '<rect width="32" height="32" rx="7" fill="#1f305f"/>' +
  '<path d="M4 22c4 0 5-2 8-5s5-6 9-6c2 0 3-2 5-3-1 6-2 10-6 12-3 1.500-6 .5-9 1.500-2 .7-4 .5-7 .5z" ' +
  'fill="none" stroke="#c49a6c" stroke-width="2.200" stroke-linejoin="round"/></svg>';

export const source = defineSource({
  ...mySqlSource,
  id: 'mariadb',
  name: 'MariaDB',
  links: [
    { title: 'MariaDB documentation', url: 'https://mariadb.com/docs/server' },
    {
      title: 'Sign-in by ed25519',
      url: 'https://mariadb.com/docs/server/reference/plugins/authentication-plugins/authentication-plugin-ed25519',
    },
  ],
  icon,
  evidence: {
    verifiedAgainst: [
      'MariaDB 10.11 (Debian), sign-in by mysql_native_password and by ed25519, with and without TLS',
    ],
    notVerified: [
      'PARSEC (MariaDB 11.6 and later) is not supported',
      'PAM, LDAP and Kerberos sign-in (sign-in in clear text is refused)',
      'MariaDB MaxScale, SkySQL and Galera clusters',
    ],
    limits: [
      ...mySqlLimits,
      'uuid, inet4 and inet6 are text in their canonical spelling; json is MariaDB’s longtext with a check.',
    ],
  },
  load: () => import('./connector.js'),
});
