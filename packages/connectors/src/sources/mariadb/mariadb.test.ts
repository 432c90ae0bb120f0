import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { type LabMariaDb, type MariaDbLogin, startMariaDb } from '@mooring/lab/mariadb';
import { describe, expect, it } from 'vitest';
import { asAdmin } from '../../families/mysql/__fixtures__/administration.js';
import { manifestOf } from '../../kit/manifest.js';
import { hideAll } from '../../kit/secret-fields.js';
import { expectNoSecrets, failureOf, type TestInput } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { realSource } from '../../suite/real-source.js';
import { harness } from './harness.js';
import { source } from './source.js';

interface Change {
  login?: MariaDbLogin;
  sslmode?: string;
}

const inputFor = (
  lab: LabMariaDb,
  { login = lab.admin, sslmode = 'verify-full' }: Change = {},
): TestInput => ({
  properties: {
    host: lab.host,
    port: lab.port,
    sslmode,
    rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
  },
  login: { signIn: 'password', fields: hideAll({ username: login.user, password: login.password }) },
});

const server = realSource(source, startMariaDb, inputFor);

describeSource(source, { start: () => harness.on(server.lab) });

/** The lab's login by ed25519. */
const carol = (): MariaDbLogin => {
  const { ed25519 } = server.lab;
  if (!ed25519)
    throw new Error('auth_ed25519.so is missing: run the tests as root, or install mariadb-server.');
  return ed25519;
};

describe('sign-in by ed25519', () => {
  it.each(['verify-full', 'disable'])('proves the password to the server, TLS %s', async (sslmode) => {
    const [[plugin] = []] = await asAdmin(server.lab, `select plugin from mysql.user where user = 'carol'`);
    expect(plugin).toBe('ed25519');
    const input = inputFor(server.lab, { login: carol(), sslmode });
    expect(await server.rowsOf({ query: 'select current_user()' }, input)).toEqual([['carol@%']]);
  });

  it.each([
    ['of one character', 'x'],
    ['longer than a key', 'long '.repeat(40)],
    ['beyond ASCII', 'pässwörd 大阪 😀'],
  ])('takes a password %s, and refuses one that differs at its end', async (_what, password) => {
    const { user } = carol();
    await asAdmin(
      server.lab,
      'set names utf8mb4',
      `create or replace user 'dora'@'%' identified via ed25519 using password('${password}')`,
    );
    const dora = { user: 'dora', password };
    await server.bench.within((session) => session.ping(), { input: inputFor(server.lab, { login: dora }) });
    const error = await server.openFails({ login: { user: 'dora', password: `${password}y` } });
    expect([error.kind, error.nativeCode, user]).toEqual(['auth_failed', '1045', 'carol']);
  });
});

it("names MariaDB's own types where it describes a table", async () => {
  const { columns } = await server.bench.within((session) =>
    session.describe({ path: ['sales', 'all_types'] }),
  );
  const natives = new Map(columns.map(({ name, native }) => [name, native]));
  expect(['c_uuid', 'c_inet6', 'c_json', 'c_ubig'].map((name) => natives.get(name))).toEqual([
    'uuid',
    'inet6',
    'json',
    'longlong unsigned',
  ]);
});

describe('sign-in by a client certificate', () => {
  const through = (pair: { cert: string; key: string }, user: string, password?: string): TestInput => {
    const { properties } = inputFor(server.lab);
    const mutualPfxCertificateFiles = [
      { name: 'own.crt', value: pair.cert },
      { name: 'own.key', value: pair.key },
    ];
    const fields = { username: user, ...(password ? { password } : {}), mutualPfxCertificateFiles };
    return {
      properties: { ...properties, enableMutualSSL: true },
      login: { signIn: 'certificate', fields: hideAll(fields) },
    };
  };

  it('in addition to a password or alone, by the subject that the server asks for', async () => {
    const { issue } = server.lab;
    await asAdmin(
      server.lab,
      `create or replace user 'xena'@'%' identified by 'canary-xena' require subject '/CN=xena'`,
      `create or replace user 'yuri'@'%' require x509`,
    );
    const account = async (input: TestInput) => server.rowsOf({ query: 'select current_user()' }, input);
    expect(await account(through(issue(['xena']), 'xena', 'canary-xena'))).toEqual([['xena@%']]);
    expect(await account(through(issue(['anyone']), 'yuri'))).toEqual([['yuri@%']]);
    const refused = [
      through(issue(['yuri']), 'xena', 'canary-xena'),
      through(issue(['xena']), 'xena', 'canary-wrong'),
      inputFor(server.lab, { login: { user: 'xena', password: 'canary-xena' } }),
    ];
    for (const input of refused) {
      const error = await failureOf(server.bench.open(input));
      expect([error.kind, error.nativeCode]).toEqual(['auth_failed', '1045']);
      expectNoSecrets(error, ['canary', 'PRIVATE KEY']);
    }
  });

  it('as PEM only, which is said where it is entered', () => {
    const file = clientCertificateFile(server.lab.issue(['me']), 'right');
    const login = {
      mutualPfxCertificateFiles: [{ name: 'own.pfx', value: file }],
      mutualPfxCertificateKey: 'right',
    };
    const [problem] =
      manifestOf(source).credentialConflicts?.({ username: 'me', ...login }, { enableMutualSSL: true }) ?? [];
    expect(problem?.message).toContain('provide PEM');
  });
});
