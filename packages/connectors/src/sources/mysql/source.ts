import { mySqlLimits, mySqlSource } from '../../families/mysql/source.js';
import { defineSource } from '../../interface/source.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="MySQL">' +
  '<rect width="32" height="32" rx="7" fill="#00618a"/>' +
  '<path d="M6 23V9l6 8 6-8v14M21 9h5M23.5 9v14" fill="none" stroke="#fff" stroke-width="2.2" ' +
  'stroke-linecap="round" stroke-linejoin="round"/></svg>';

export const source = defineSource({
  ...mySqlSource,
  id: 'mysql',
  name: 'MySQL',
  links: [
    { title: 'MySQL documentation', url: 'https://dev.mysql.com/doc/' },
    { title: 'MariaDB documentation', url: 'https://mariadb.com/docs/' },
  ],
  icon,
  evidence: {
    verifiedAgainst: [
      'MariaDB 10.11 (Debian), password sign-in by mysql_native_password, with and without TLS',
    ],
    notVerified: [
      'Oracle’s MySQL server (caching_sha2_password is implemented by the driver and was not run here)',
      'PAM, LDAP and Kerberos sign-in (sign-in in clear text is refused)',
    ],
    limits: mySqlLimits,
  },
  load: () => import('./connector.js'),
});
