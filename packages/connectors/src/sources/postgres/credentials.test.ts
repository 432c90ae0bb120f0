import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresOptions } from '../../families/postgres/options.js';
import { ConnectorError } from '../../interface/errors.js';
import { hideAll } from '../../kit/secret-fields.js';
import { typedInput } from '../../kit/typed-input.js';
import type { Input } from './properties.js';
import { source } from './source.js';

const certificate = '-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n';
const properties = { host: 'db.example.com', port: 5432, db: 'shop', sslmode: 'verify-full' };
/** The driver's options of a definition and a login, as the connector makes them. */
function optionsOf(change: object = {}, fields: object = {}) {
  const { properties: definition, login } = typedInput(source, {
    definition: { ...properties, ...change },
    method: 'password',
    fields: hideAll({ username: 'alice', password: 'pa$$ word', ...fields }),
    settings: {},
  }) as Input;
  return postgresOptions({ ...definition, database: definition.db, ...login.fields });
}
const accepts = (change: object) => source.properties.safeParse({ ...properties, ...change }).success;

describe('the properties of a connection', () => {
  it('D02: has the documented names, the usual port and full verification by default', () => {
    expect(source.properties.parse({ host: 'h', db: 'd' })).toEqual({
      host: 'h',
      port: 5432,
      db: 'd',
      sslmode: 'verify-full',
    });
  });

  it.each(['db', 'db.example.com', 'db_1.local', 'xn--bcher-kva.example', '192.0.2.7', '2001:db8::7'])(
    'takes %j as a host',
    (host) => expect(accepts({ host })).toBe(true),
  );

  it.each([
    '/var/run/postgresql',
    '@abstract',
    '%2Fvar%2Frun',
    'user@host',
    'host:5432',
    'host/db',
    'host?x=1',
    '[::1]',
    'a,b',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    'host.127',
    '１２７.0.0.1',
    'h\r\nost',
    'h\0st',
    '-host',
    '.',
    '',
  ])('S01, S14, D03: refuses %j as a host', (host) => expect(accepts({ host })).toBe(false));

  it.each([
    { sslrootcert: '/etc/passwd' },
    { sslkey: '/etc/passwd' },
    { options: '-c x=1' },
    { service: 's' },
    { passfile: '/etc/passwd' },
    { connectionString: 'postgres://h' },
    { DB: 'shop' },
    { sslmode: 'no-verify' },
    { sslmode: 'prefer' },
    { port: '5432' },
    { port: 0 },
    { port: 65_536 },
    { db: '' },
    { db: 'a\0user\0root' },
    { rootCertificates: '/etc/passwd' },
    { rootCertificates: [{ name: 'ca', value: '/etc/passwd' }] },
    {
      rootCertificates: [
        { name: 'ca', value: '-----BEGIN PRIVATE KEY-----\nTUlJ\n-----END PRIVATE KEY-----' },
      ],
    },
    { username: 'a\0database\0other' },
  ])('D01, D02, D08: refuses %j', (change) => expect(accepts(change)).toBe(false));

  it('takes names with delimiters literally, for the server to judge', () => {
    const db = 'x?host=127.0.0.2&port=9999;\'"{}';
    expect(accepts({ db })).toBe(true);
    expect(optionsOf({ db }).startup['database']).toBe(db);
  });
});

describe('the options for the driver', () => {
  const kept = { ...process.env };
  beforeEach(() => {
    for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGPASSWORD', 'PGSSLMODE', 'PGOPTIONS']) {
      process.env[name] = 'from-the-environment';
    }
  });
  afterEach(() => {
    process.env = { ...kept };
  });

  it('takes nothing from the environment', () => {
    const { client, startup } = optionsOf();
    expect(JSON.stringify([client, startup])).not.toContain('environment');
    expect(Object.keys(startup)).toEqual(['user', 'database', 'application_name']);
  });

  it('maps each TLS mode to what it promises', () => {
    const tls = (sslmode: string, more = {}) => optionsOf({ sslmode, ...more }).client.ssl;
    expect(tls('disable')).toBe(false);
    expect(tls('require')).toMatchObject({ rejectUnauthorized: false, minVersion: 'TLSv1.2' });
    const files = { rootCertificates: [{ name: 'ca.pem', value: certificate }] };
    const authority = tls('verify-ca', files);
    expect(authority).toMatchObject({ rejectUnauthorized: true, ca: [certificate] });
    expect(authority).toHaveProperty('checkServerIdentity');
    expect(tls('verify-full', files)).toEqual({
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ca: [certificate],
    });
  });

  it('hands the password over as it is, and shows it in no serialised option', () => {
    const { client } = optionsOf();
    expect(typeof client.password === 'function' && client.password()).toBe('pa$$ word');
    expect(JSON.stringify(client)).not.toContain('pa$$');
  });

  it('refuses a login or address that is not whole', () => {
    const broken = [
      () => optionsOf({}, { password: '' }),
      () => optionsOf({}, { username: undefined }),
      () => optionsOf({ host: '/tmp' }),
    ];
    for (const make of broken) expect(make).toThrowError(ConnectorError);
  });
});
