import { type Canary, startCanary } from '@mooring/lab/canary';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { type LabLdap, type LdapLogin, startLdap } from '@mooring/lab/ldap';
import { Client } from 'ldapts';
import { expect, it } from 'vitest';
import { manifestOf } from '../../kit/manifest.js';
import { parseProperties } from '../../kit/properties.js';
import { hideAll } from '../../kit/secret-fields.js';
import { failureOf, type TestInput } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { realSource } from '../../suite/real-source.js';
import { harness } from './harness.js';
import { source } from './source.js';

describeSource(source, harness);

interface Change {
  login?: LdapLogin;
  definition?: object;
}

const inputFor = (lab: LabLdap, { login = lab.reader, definition = {} }: Change = {}): TestInput => ({
  properties: {
    ...{ host: lab.host, port: lab.tlsPort, security: 'ldaps', baseDn: lab.baseDn },
    ...{ rootCertificates: [{ name: 'ca.pem', value: lab.ca }], ...definition },
  },
  login: {
    signIn: 'simple',
    fields: { username: login.dn, ...hideAll({ password: login.password }) },
  },
});

let canary: Canary;
const server = realSource(
  source,
  async () => {
    canary = await startCanary();
    const lab = await startLdap({ elsewhere: `ldap://127.0.0.1:${canary.port}` });
    return { ...lab, close: () => lab.close().then(() => canary.close()) };
  },
  inputFor,
);
const columnsOf = async (path: string[]) =>
  (await server.bench.within((session) => session.describe({ path }))).columns.map(({ name, type }) => [
    name,
    type,
  ]);
const failsAt = (path: string[], change: Change = {}) =>
  failureOf(server.rowsOf({ path }, inputFor(server.lab, change)));

it('reads one value as text, several as a list, and what is not text as base64', async () => {
  expect(await columnsOf(['ou=users'])).toEqual([
    ['dn', 'string'],
    ['objectClass', 'string'],
    ['sn', 'string'],
    ['cn', 'json'],
    ['jpegPhoto', 'bytes'],
    ['uid', 'string'],
    ['description', 'string'],
    ['_more', 'json'],
  ]);
  const rows = await server.rowsOf({ path: ['ou=users'] });
  const [ada, oneill] = rows;
  const person = 'inetOrgPerson';
  expect(ada).toEqual([
    'uid=1,ou=users,dc=example,dc=com',
    ...[person, 'Ada', ['Ada', 'Ada Lovelace'], '/9gAAA==', '1', null, null],
  ]);
  expect(oneill?.slice(2)).toEqual([
    ...["O'Neill", ["O'Neill"], '/9gAAQ==', '2', ' led by a space\nand two lines', null],
  ]);
  expect(rows.map((row) => row[2])).toEqual([
    ...['Ada', "O'Neill", 'Ōsaka 大阪', 'Smith, John', 'plus+sign', 'back\\slash', 'Zoë'],
  ]);
});

it('reads beyond a page; what the first does not have is in _more, and what does not fit names its column', async () => {
  const error = await failsAt(['ou=many']);
  expect([error.kind, error.message]).toEqual([
    'unsupported',
    'Column "sn" of row 1202 holds several values.',
  ]);
  const rows = await server.rowsOf({ path: ['ou=many'], asText: ['sn'] });
  expect(rows).toHaveLength(1_203);
  expect(new Set(rows.map(([dn]) => dn)).size).toBe(1_203);
  const [, , sn, , more] = rows[1_202] ?? [];
  expect([rows[1_201]?.[2], sn, more]).toEqual([
    '["s1201","second"]',
    's1202',
    { mail: ['last@example.com'] },
  ]);
});

it('browses names that a DN has to escape, and reads below them', async () => {
  const path = ['ou=teams'];
  const { items } = await server.bench.within((session) => session.browse({ path, limit: 10 }));
  expect(items).toHaveLength(1);
  const team = items[0]?.path ?? [];
  expect([items[0]?.kind, team.length]).toEqual(['folder', 2]);
  expect((await server.rowsOf({ path: team })).map(([dn]) => dn)).toEqual([
    `cn=lead,${team[1]},ou=teams,dc=example,dc=com`,
  ]);
  const whole = inputFor(server.lab, { definition: { subtree: true } });
  expect(await server.rowsOf({ path }, whole)).toHaveLength(2);
});

it.each([
  ['two names', ['ou=users,dc=example']],
  ['no name', ['users']],
  ['nothing', ['']],
])('refuses a path with %s in a segment', async (_what, path) => {
  expect((await failsAt(path)).kind).toBe('not_found');
});

it('never follows a referral, and leaves out entries that are elsewhere', async () => {
  const error = await failsAt(['ou=users', 'uid=8']);
  expect([error.kind, error.nativeCode]).toEqual(['unsupported', '10']);
  expect(await server.rowsOf({ path: ['ou=users'] })).toHaveLength(7);
  expect(canary.connections()).toBe(0);
});

it('reports the limit of the server instead of ending early', async () => {
  const error = await failsAt(['ou=users'], { login: server.lab.limited });
  expect([error.kind, error.nativeCode]).toEqual(['too_large', '4']);
});

it('signs in with a password only: never without one, though the server would take it, and never by another mechanism', async () => {
  const { lab } = server;
  const careless = new Client({ url: `ldap://${lab.host}:${lab.port}` });
  await careless.bind(lab.reader.dn, '');
  await careless.unbind();
  for (const login of [
    { dn: lab.reader.dn, password: '' },
    { dn: '', password: lab.reader.password },
  ])
    expect(['auth_failed', 'invalid_config']).toContain((await server.openFails({ login })).kind);
  const fill = (change: object) => {
    const given = { host: lab.host, baseDn: lab.baseDn, username: lab.reader.dn, password: 'x', ...change };
    return parseProperties(manifestOf(source), given).ok;
  };
  expect(fill({})).toBe(true);
  for (const change of [{ password: '' }, { username: '' }, { username: 'EXTERNAL' }, { username: 'PLAIN' }])
    expect(fill(change), JSON.stringify(change)).toBe(false);
});

it.each(['ldaps', 'starttls'])(
  '%s: sends nothing to a server with the certificate of another',
  async (security) => {
    const { port, tlsPort } = server.lab;
    const { ca } = createCertificateAuthority();
    const definition = {
      ...{ security, port: security === 'ldaps' ? tlsPort : port },
      rootCertificates: [{ name: 'ca.pem', value: ca }],
    };
    expect((await server.openFails({ definition })).kind).toBe('tls_failed');
  },
);
