import { defineSource } from '../../interface/source.js';
import { logins, properties, settings } from './properties.js';

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#35516b" stroke-width="1.6">' +
  '<rect x="8.500" y="3" width="7" height="5" rx="1"/><rect x="2.500" y="16" width="7" height="5" rx="1"/>' +
  '<rect x="14.500" y="16" width="7" height="5" rx="1"/><path d="M12 8v4M6 16v-4h12v4"/></svg>';

const securities = { ldaps: 'tls', starttls: 'starttls', none: 'none' } as const;

export const source = defineSource({
  specificationVersion: 2,
  id: 'ldap',
  name: 'LDAP directory',
  category: 'database',
  stage: 'preview',
  links: [
    { title: 'RFC 4511: the protocol', url: 'https://www.rfc-editor.org/rfc/rfc4511' },
    { title: 'OpenLDAP: TLS', url: 'https://www.openldap.org/doc/admin25/tls.html' },
  ],
  icon,
  evidence: {
    verifiedAgainst: ['OpenLDAP 2.5 from Debian: simple bind over LDAPS, StartTLS and clear text'],
    notVerified: ['Active Directory and other servers', 'SASL (Kerberos, client certificates)'],
    limits: [
      'A path is read as the entries below it, one row each: dn, then the attributes of the first 500 entries. An attribute with one value in each of them is text, others are lists; attributes that appear later are in _more.',
      'Values that are not text, such as objectGUID, objectSid and jpegPhoto, are base64.',
      'A later entry with several values in a column of text ends the read; request the column with asText.',
      'Referrals are never followed: the password would be sent to another server. Entries elsewhere are left out.',
      'Each page of a browse lists the container from its start. A page of 500 entries has at most 32 MiB.',
    ],
  },
  properties,
  logins,
  settings,
  target: ['host', 'port', 'baseDn', 'subtree'],
  endpoints: ({ host, port, security, rootCertificates }) => [
    {
      role: 'data',
      host,
      port,
      security: securities[security],
      trust: {
        verify: 'full',
        ...(rootCertificates?.length ? { ca: rootCertificates.map(({ value }) => value).join('\n') } : {}),
      },
    },
  ],
  abilities: {
    pushdown: { columns: false, limit: false, order: false, filter: [] },
    browse: { levels: ['folder', 'resource'], depth: 64, search: false },
    describe: 'path',
    splits: false,
    bytes: false,
    files: false,
    cancel: 'disconnect',
    readOnly: 'login',
    reset: true,
  },
  load: () => import('./connector.js'),
});
