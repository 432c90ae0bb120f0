import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { connect, createServer, type TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { listen, rejectionOf } from './__fixtures__/canary.js';
import { createGate, type Gate } from './gate.js';
import { createPolicy } from './policy.js';
import type { TlsSettings } from './tls-context.js';

const HOST = 'db.example.test';

function fixture(name: string): string {
  return readFileSync(new URL(`./__fixtures__/${name}`, import.meta.url), 'utf8');
}

const authority = fixture('authority.pem');
const clientPfx = readFileSync(new URL('./__fixtures__/client.p12', import.meta.url));

function buildGate(): Gate {
  const policy = createPolicy({ allow: ['127.0.0.1'], loopback: 'deny', isOfThisMachine: false });
  return createGate({ policy, lookup: async () => ['127.0.0.1'] });
}

/** A TLS server that shows a certificate of the fixtures and greets with the client's name, protocol and server name. */
async function startTlsServer(certificate: string, options: TlsOptions = {}) {
  const server = createServer(
    { cert: fixture(`${certificate}.pem`), key: fixture(`${certificate}-key.pem`), ...options },
    (socket) => {
      const subject = socket.getPeerCertificate().subject?.CN ?? '-';
      socket.end(`${subject} ${socket.alpnProtocol || '-'} ${socket.servername || '-'}`);
    },
  );
  server.on('tlsClientError', () => undefined);
  const { port, stop } = await listen(server);
  return { port, [Symbol.asyncDispose]: stop };
}

async function greetingOf(settings: TlsSettings, port: number, host = HOST): Promise<string> {
  const socket = await buildGate().dial({ host, port }, { tls: settings });
  const [greeting] = await once(socket, 'data');
  socket.destroy();
  return String(greeting);
}

async function failureOf(settings: TlsSettings, port: number, host = HOST): Promise<Error[]> {
  return [
    await rejectionOf(buildGate().dial({ host, port }, { tls: settings })),
    await rejectionOf(buildGate().fetch(`https://${host}:${port}/`, settings)),
  ];
}

describe('TLS', () => {
  it('D22: trusts an authority that the connection names, and sends the host name', async () => {
    await using server = await startTlsServer('server');
    expect(await greetingOf({ ca: authority }, server.port)).toBe(`- - ${HOST}`);
  });

  it('D22: verifies an IP address against the certificate, without sending it as a name', async () => {
    await using server = await startTlsServer('server');
    expect(await greetingOf({ ca: authority }, server.port, '127.0.0.1')).toBe('- - -');
  });

  it.each([
    ['an unknown authority', 'server', {}, HOST, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'trusted certificates'],
    [
      'a self-signed certificate',
      'self-signed',
      { ca: authority },
      HOST,
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'trusted certificates',
    ],
    ['an expired certificate', 'expired', { ca: authority }, HOST, 'CERT_HAS_EXPIRED', 'renewed'],
    [
      'a certificate for another name',
      'server',
      { ca: authority },
      'other.example.test',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'host name',
    ],
  ])('D22: refuses %s, with a remedy', async (_name, certificate, settings, host, nativeCode, remedy) => {
    await using server = await startTlsServer(certificate);
    for (const error of await failureOf(settings, server.port, host)) {
      expect(error).toMatchObject({
        kind: 'tls_failed',
        nativeCode,
        remedy: expect.stringContaining(remedy),
      });
      expect(error.message).not.toMatch(/example|127/);
    }
  });

  it('D22: accepts a self-signed certificate that the connection names', async () => {
    await using server = await startTlsServer('self-signed');
    expect(await greetingOf({ ca: fixture('self-signed.pem') }, server.port)).toContain(HOST);
  });

  it('D22: refuses TLS below 1.2', async () => {
    await using server = await startTlsServer('server', {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    for (const error of await failureOf({ ca: authority }, server.port)) {
      expect(error).toMatchObject({ kind: 'tls_failed' });
    }
  });

  it('reports a server that does not speak TLS', async () => {
    const { port, stop } = await listen(createTcpServer((socket) => socket.end('220 hello\r\n')));
    for (const error of await failureOf({}, port)) {
      expect(error).toMatchObject({ kind: 'tls_failed', remedy: expect.stringContaining('expects TLS') });
    }
    await stop();
  });

  it('reports a server that closes the connection during the handshake', async () => {
    const { port, stop } = await listen(createTcpServer((socket) => socket.destroy()));
    for (const error of await failureOf({}, port)) {
      expect(error).toMatchObject({ kind: 'unreachable', remedy: expect.stringContaining('expects TLS') });
    }
    await stop();
  });

  it.each([
    ['PEM', { cert: fixture('client.pem'), key: fixture('client-key.pem') }],
    ['PKCS#12', { pfx: new Uint8Array(clientPfx), passphrase: 'egress-test' }],
  ])('shows a client certificate given as %s', async (_form, clientCertificate) => {
    await using server = await startTlsServer('server', { requestCert: true, ca: authority });
    const greeting = await greetingOf({ ca: authority, clientCertificate }, server.port);
    expect(greeting).toContain('egress-test-client');
  });

  it('shows a client certificate only on the connections it was given for', async () => {
    await using server = await startTlsServer('server', {
      requestCert: true,
      ca: authority,
      rejectUnauthorized: false,
    });
    const gate = buildGate();
    const clientCertificate = { cert: fixture('client.pem'), key: fixture('client-key.pem') };
    const names: string[] = [];
    for (const settings of [{ ca: authority, clientCertificate }, { ca: authority }]) {
      const socket = await gate.dial({ host: HOST, port: server.port }, { tls: settings });
      names.push(String((await once(socket, 'data'))[0]).split(' ')[0] ?? '');
      socket.destroy();
    }
    expect(names).toEqual(['egress-test-client', '-']);
  });

  it.each([
    ['a path in place of a certificate', { ca: '/etc/passwd' }],
    ['an empty certificate', { ca: '' }],
    ['a path in place of a key', { clientCertificate: { cert: '/etc/passwd', key: '/etc/passwd' } }],
    [
      'a certificate with the key of another',
      { clientCertificate: { cert: fixture('client.pem'), key: fixture('server-key.pem') } },
    ],
    ['a wrong passphrase', { clientCertificate: { pfx: clientPfx, passphrase: 'wrong' } }],
  ])('D08: refuses %s as invalid configuration', async (_name, settings) => {
    await using server = await startTlsServer('server');
    for (const error of await failureOf(settings, server.port)) {
      expect(error).toMatchObject({ kind: 'invalid_config' });
    }
  });

  it('keeps the process alive when a driver puts TLS on a socket that is still connecting', async () => {
    await using server = await startTlsServer('server');
    const socket = connect({
      socket: buildGate().socket({ host: HOST, port: server.port }),
      servername: HOST,
      ca: authority,
    });
    expect(String((await once(socket, 'data'))[0])).toContain(HOST);
    socket.destroy();
  });
});
