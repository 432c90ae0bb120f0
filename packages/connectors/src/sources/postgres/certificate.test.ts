import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { createCertificateAuthority, type IssuedCertificate } from '@mooring/lab/certificate-authority';
import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { describe, expect, it } from 'vitest';
import { manifestOf } from '../../kit/manifest.js';
import { parseProperties } from '../../kit/properties.js';
import { hideAll } from '../../kit/secret-fields.js';
import { endpointsOf } from '../../kit/typed-input.js';
import { expectNoSecrets, failureOf, type TestInput } from '../../suite/bench.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { source } from './source.js';

const server = realServer();
const passphrase = 'canary-passphrase-7f';
const dayMs = 86_400_000;

const file = (value: string) => ({ name: 'own', value });
const pemOf = ({ cert, key }: IssuedCertificate) => ({ mutualPfxCertificateFiles: [file(cert), file(key)] });
const sealedKey = ({ key }: IssuedCertificate, more: object = {}) =>
  createPrivateKey(key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase, ...more })
    .toString();

function through(fields: object, properties: object = {}): TestInput {
  const { properties: common } = inputFor(server.lab, { properties });
  return {
    properties: { ...common, enableMutualSSL: true, ...properties },
    login: { signIn: 'certificate', fields: hideAll({ ...fields }) },
  };
}

const accountOf = async (input: TestInput) =>
  (await server.rowsOf({ query: 'select current_user::text' }, input))[0]?.[0];

describe('PostgreSQL with a client certificate', () => {
  it('signs in by PEM, by PKCS#12 and by a sealed key, without a password', async () => {
    const { certified, issue } = server.lab;
    const own = issue([certified.user]);
    const ways = [
      pemOf(own),
      { mutualPfxCertificateFiles: [file(`${own.key}${own.cert}`)] },
      { mutualPfxCertificateFiles: [file(Buffer.from(`${own.cert}${own.key}`).toString('base64'))] },
      {
        mutualPfxCertificateFiles: [file(own.cert), file(sealedKey(own))],
        mutualPfxCertificateKey: passphrase,
      },
      {
        mutualPfxCertificateFiles: [file(clientCertificateFile(own, passphrase))],
        mutualPfxCertificateKey: passphrase,
      },
    ];
    for (const way of ways) {
      const input = through({ username: certified.user, ...way });
      expect(await accountOf(input)).toBe(certified.user);
    }
    // The cancel of a statement goes over a connection of its own.
    const stop = new AbortController();
    const input = through({ username: certified.user, ...pemOf(own) });
    await server.bench.within(
      async (session) => {
        const read = failureOf(session.read({ query: 'select pg_sleep(60)', batchRows: 1 }));
        stop.abort();
        expect((await read).kind).toBe('cancelled');
      },
      { input, signal: stop.signal },
    );
  });

  it('signs in by certificate and password where the server asks for both', async () => {
    const { certified, issue } = server.lab;
    const { user: username, password } = certified.both;
    const own = pemOf(issue([username]));
    expect(await accountOf(through({ username, password, ...own }))).toBe(username);
    const other = pemOf(issue([certified.user]));
    for (const fields of [own, { ...own, password: 'canary-wrong' }, { ...other, password }]) {
      const error = await failureOf(server.bench.open(through({ username, ...fields })));
      expect(error.kind).toBe('auth_failed');
      expectNoSecrets(error, [password, 'canary', 'PRIVATE KEY']);
    }
  });

  it('reports that the server accepts no such certificate, and why if it has expired', async () => {
    const { certified, issue } = server.lab;
    const username = certified.user;
    const foreign = createCertificateAuthority('Another root').issue([username]);
    const ended = issue([username], new Date(Date.now() - dayMs));
    const failures = await Promise.all(
      [foreign, issue(['someone']), ended].map((pair) =>
        failureOf(server.bench.open(through({ username, ...pemOf(pair) }))),
      ),
    );
    expect(failures.map(({ kind }) => kind)).toEqual(['auth_failed', 'auth_failed', 'auth_failed']);
    expect(failures[0]?.message).toContain('client certificate');
    const day = new Date(Date.now() - dayMs).toISOString().slice(0, 10);
    expect(failures[2]?.message).toBe(`The client certificate expired on ${day}.`);
    for (const error of failures) expectNoSecrets(error, ['PRIVATE KEY', 'BEGIN']);
    const none = await failureOf(
      server.bench.open({
        ...inputFor(server.lab, { fields: { username } }),
      }),
    );
    expect(none.kind).toBe('auth_failed');
  });

  it('tells in the test of the connection when the certificate ends soon', async () => {
    const { certified, issue } = server.lab;
    const notes = async (days: number) => {
      const own = issue([certified.user], new Date(Date.now() + days * dayMs));
      const ways = [
        pemOf(own),
        {
          mutualPfxCertificateFiles: [file(clientCertificateFile(own, passphrase))],
          mutualPfxCertificateKey: passphrase,
        },
      ];
      const found = await Promise.all(
        ways.map((way) =>
          server.bench.within((session) => session.ping(), {
            input: through({ username: certified.user, ...way }),
          }),
        ),
      );
      return found.map(({ notes: [note] = [] }) => note?.text);
    };
    const day = new Date(Date.now() + 20 * dayMs).toISOString().slice(0, 10);
    const told = `The client certificate expires on ${day}.`;
    expect(await notes(20)).toEqual([told, told]);
    expect(await notes(40)).toEqual([undefined, undefined]);
  });

  it('does not send it to a server whose own certificate is not the right one', async () => {
    const { certified, issue, hostOutsideCertificate } = server.lab;
    const input = through(
      { username: certified.user, ...pemOf(issue([certified.user])) },
      { host: hostOutsideCertificate },
    );
    expect((await failureOf(server.bench.open(input))).kind).toBe('tls_failed');
  });
});

describe('a client certificate that cannot be used is refused where it is entered', () => {
  const manifest = manifestOf(source);
  const authority = createCertificateAuthority();
  const [own, other] = [authority.issue(['me']), authority.issue(['you'])];
  const problemsOf = (files: string[], mutualPfxCertificateKey?: string) => {
    const login = { username: 'me', mutualPfxCertificateFiles: files.map(file), mutualPfxCertificateKey };
    return (manifest.credentialConflicts?.(login, { enableMutualSSL: true }) ?? []).map(
      ({ property, message }) => `${property} ${message}`,
    );
  };
  const begins = (text: string) => [expect.stringMatching(`^mutualPfxCertificateFiles ${text}`)];

  it('by a text that says what is wrong', () => {
    const pfx = clientCertificateFile(own, passphrase);
    const sealed = sealedKey(own);
    const rsa = execFileSync('openssl', ['genrsa', '1024'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
    expect(problemsOf([own.cert, own.key])).toEqual([]);
    expect(problemsOf([pfx], passphrase)).toEqual([]);
    expect(problemsOf([own.cert])).toEqual(begins('needs a certificate and one private key'));
    expect(problemsOf([own.key])).toEqual(begins('needs a certificate and one private key'));
    expect(problemsOf([own.cert, own.key, other.key])).toEqual(
      begins('needs a certificate and one private key'),
    );
    expect(problemsOf([own.cert, other.key])).toEqual(begins('has a private key that is not the one'));
    expect(problemsOf([own.cert, sealed])).toEqual(begins('has a private key that is encrypted'));
    expect(problemsOf([own.cert, sealed], 'wrong')).toEqual(
      begins('has a private key that cannot be opened'),
    );
    expect(problemsOf([own.cert, rsa])).toEqual(begins('has a private key that is an RSA key of 1024 bits'));
    expect(problemsOf([own.cert.replace(/MII.{20}/, 'AAAA'), own.key])).toEqual(
      begins('has a certificate that'),
    );
    expect(problemsOf([pfx], 'wrong')).toEqual(begins('cannot be opened with the given password'));
    expect(problemsOf(['nonsense'])).toEqual(begins('is not a PKCS#12 file'));
    for (const told of [problemsOf([own.cert, sealed], 'canary-wrong'), problemsOf([pfx], 'canary-wrong')])
      expect(told.join()).not.toMatch(/canary|BEGIN|MII/);
  });

  it('without the work that a file asks for, if that is much', () => {
    const rounds = Buffer.from(clientCertificateFile(own, passphrase), 'base64');
    const at = rounds.lastIndexOf(Buffer.from('02020800', 'hex'));
    expect(at).toBeGreaterThan(0);
    rounds.writeUInt16BE(0x7fff, at + 2);
    expect(problemsOf([rounds.toString('base64')], passphrase)).toEqual(begins('cannot be opened'));
    const begun = performance.now();
    // The MAC comes last, so that only the lengths around it change.
    const costly = clientCertificateFile(own, passphrase, ['-iter', '150000']);
    expect(problemsOf([costly], passphrase)).toEqual(begins('takes too much work'));
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('and with clear text, which would send no certificate', () => {
    const given = { host: 'db', db: 'shop', enableMutualSSL: true };
    const problems = (change: object) => {
      const parsed = parseProperties(manifest, { ...given, ...change });
      return parsed.ok ? [] : parsed.problems.map(({ property, message }) => `${property} ${message}`);
    };
    expect(problems({ sslmode: 'disable' })).toEqual([
      'enableMutualSSL needs TLS: sslmode must not be disable',
    ]);
    expect(problems({ sslmode: 'require' })).toEqual([]);
    const [end] = endpointsOf(source, given, {});
    expect(end?.trust?.clientCertificate).toBe(true);
  });
});
