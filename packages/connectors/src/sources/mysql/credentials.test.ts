import { describe, expect, it } from 'vitest';
import { mySqlOptions } from '../../families/mysql/options.js';
import type { MySqlInput } from '../../families/mysql/properties.js';
import { ConnectorError } from '../../interface/errors.js';
import { hideAll } from '../../kit/secret-fields.js';
import { typedInput } from '../../kit/typed-input.js';
import { source } from './source.js';

const certificate = '-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n';
const properties = { host: 'db.example.com', port: 3306, sslmode: 'verify-full' };
/** The driver's options of a definition and a login, as the connector makes them. */
function optionsOf(change: object = {}, fields: object = {}) {
  const input = typedInput(source, {
    definition: { ...properties, ...change },
    method: 'password',
    fields: hideAll({ username: 'alice', password: 'pa$$ word', ...fields }),
    settings: {},
  });
  return mySqlOptions(input as MySqlInput);
}
const accepts = (change: object) => source.properties.safeParse({ ...properties, ...change }).success;

describe('the properties of a connection', () => {
  it('has the documented names, the usual port and full verification by default', () => {
    expect(source.properties.parse({ host: 'h', database: 'd' })).toEqual({
      host: 'h',
      port: 3306,
      database: 'd',
      sslmode: 'verify-full',
    });
  });

  it.each([
    { allowLocalInfile: true },
    { flags: 'LOCAL_FILES' },
    { multipleStatements: true },
    { timezone: `');process.exit()//` },
    { typeCast: 'x' },
    { authenticationPluginClassName: 'x' },
    { socketPath: '/var/run/mysqld/mysqld.sock' },
    { uri: 'mysql://h' },
    { ssl: 'Amazon RDS' },
    { sslmode: 'PREFERRED' },
    { host: '/var/run/mysqld/mysqld.sock' },
    { host: '@abstract' },
    { host: '%2Fvar%2Frun' },
    { database: '' },
    { database: 'a\0b' },
    { rootCertificates: [{ name: 'ca', value: '/etc/passwd' }] },
  ])('D01, D05, D08, S14: refuses %j', (change) => expect(accepts(change)).toBe(false));
});

describe('the options for the driver', () => {
  it('D05: can neither be given a file nor more than one statement', () => {
    const options = optionsOf({ flags: 'LOCAL_FILES', multipleStatements: true });
    expect(options.flags).toContain('-LOCAL_FILES');
    expect(options).toMatchObject({
      multipleStatements: false,
      enableCleartextPlugin: false,
      compress: false,
    });
  });

  it('maps each TLS mode to what it promises', () => {
    const tls = (sslmode: string, more = {}) => optionsOf({ sslmode, ...more }).ssl;
    const files = { rootCertificates: [{ name: 'ca.pem', value: certificate }] };
    const minVersion = 'TLSv1.2';
    expect(tls('disable')).toBeUndefined();
    expect(tls('require')).toEqual({ rejectUnauthorized: false, verifyIdentity: false, minVersion });
    expect(tls('verify-ca', files)).toEqual({
      rejectUnauthorized: true,
      verifyIdentity: false,
      minVersion,
      ca: [certificate],
    });
    expect(tls('verify-full')).toEqual({ rejectUnauthorized: true, verifyIdentity: true, minVersion });
  });

  it('takes names with delimiters literally', () => {
    const odd = `x?a=b;&#'"{}\\`;
    const options = optionsOf({ database: odd }, { username: odd, password: odd });
    expect(options).toMatchObject({ database: odd, user: odd });
    expect(options.password.reveal()).toBe(odd);
  });

  it('refuses a login or address that is not whole', () => {
    const broken = [
      () => optionsOf({}, { password: '' }),
      () => optionsOf({}, { username: 1 }),
      () => optionsOf({ host: '/tmp' }),
    ];
    for (const make of broken) expect(make).toThrowError(ConnectorError);
  });
});
