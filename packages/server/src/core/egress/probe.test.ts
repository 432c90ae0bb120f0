import { readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { createServer } from 'node:tls';
import { startSsh } from '@mooring/lab/ssh';
import { describe, expect, it } from 'vitest';
import { listen, startCanary } from './__fixtures__/canary.js';
import { createGate, type GateOptions } from './gate.js';
import { createPolicy, type EgressSettings } from './policy.js';
import { probe } from './probe.js';

function buildGate({
  loopback = 'allow',
  ...options
}: Partial<EgressSettings> & Omit<GateOptions, 'policy'> = {}) {
  return createGate({ policy: createPolicy({ allow: [], loopback, isOfThisMachine: false }), ...options });
}

function passed(...names: string[]) {
  return names.map((name) => ({ name, ok: true, ms: expect.any(Number) }));
}

function fixture(name: string): string {
  return readFileSync(new URL(`./__fixtures__/${name}`, import.meta.url), 'utf8');
}

const role = 'data' as const;

describe('probe', () => {
  it.each(['none', 'starttls'] as const)(
    'passes name, route and TCP of a server with %s',
    async (security) => {
      await using canary = await startCanary();
      const stages = await probe(buildGate(), { host: '127.0.0.1', port: canary.port, security, role });
      expect(stages).toEqual(passed('name', 'route', 'tcp'));
      expect(canary.connections()).toBe(1);
    },
  );

  it('follows implicit TLS with the authority of the connection', async () => {
    const server = createServer({ cert: fixture('server.pem'), key: fixture('server-key.pem') });
    server.on('tlsClientError', () => undefined);
    const { port, stop } = await listen(server);
    const target = { host: '127.0.0.1', port, security: 'tls', role } as const;
    expect(await probe(buildGate(), { ...target, trust: { ca: fixture('authority.pem') } })).toEqual(
      passed('name', 'route', 'tcp', 'tls'),
    );
    expect(await probe(buildGate(), target)).toEqual([
      ...passed('name', 'route', 'tcp'),
      {
        name: 'tls',
        ok: false,
        ms: expect.any(Number),
        code: 'tls_failed',
        message: expect.any(String),
        remedy: expect.stringContaining('authority'),
      },
    ]);
    // The driver shows the client's certificate, which the probe does not have.
    expect(await probe(buildGate(), { ...target, trust: { clientCertificate: true } })).toEqual(
      passed('name', 'route', 'tcp'),
    );
    expect(await probe(buildGate(), { ...target, trust: { verify: 'none' } })).toEqual(
      passed('name', 'route', 'tcp', 'tls'),
    );
    expect(await probe(buildGate(), { ...target, trust: { ca: '/etc/passwd' } })).toEqual([
      ...passed('name', 'route', 'tcp'),
      expect.objectContaining({ name: 'tls', ok: false, code: 'invalid_config' }),
    ]);
    await stop();
  });

  it('exchanges keys with an SSH server, and shows the fingerprint of one that is not pinned', async () => {
    const lab = await startSsh();
    const target = { host: lab.host, port: lab.port, security: 'ssh', role } as const;
    const { sha256 } = lab.hostKeys.ed25519;
    expect(await probe(buildGate(), { ...target, trust: { hostKey: { sha256 } } })).toEqual(
      passed('name', 'route', 'tcp', 'hostKey'),
    );
    const stages = await probe(buildGate(), target);
    expect(stages).toEqual([
      ...passed('name', 'route', 'tcp'),
      {
        name: 'hostKey',
        ok: false,
        ms: expect.any(Number),
        code: 'host_key_refused',
        message: expect.stringContaining(sha256),
        remedy: expect.any(String),
      },
    ]);
    await lab.close();
  });

  it('stops at a host that speaks no SSH, and when the caller leaves one that is silent', async () => {
    await using canary = await startCanary();
    const target = { host: '127.0.0.1', port: canary.port, security: 'ssh', role } as const;
    const leaving = AbortSignal.timeout(100);
    expect(await probe(buildGate(), target, leaving)).toEqual([
      ...passed('name', 'route', 'tcp'),
      expect.objectContaining({ name: 'hostKey', ok: false, code: 'timeout' }),
    ]);
  });

  it('stops at a name that is not known', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }));
    expect(
      await probe(buildGate({ lookup }), { host: 'a.example.test', port: 1, security: 'none', role }),
    ).toEqual([expect.objectContaining({ name: 'name', ok: false, code: 'unreachable' })]);
  });

  it.each(['127.0.0.1', 'localhost', '127.1', '[::]', 'metadata', '/var/run/x', 'name.example.test'])(
    'S01: stops at the route to %s, in the same words for each',
    async (host) => {
      await using canary = await startCanary();
      const gate = buildGate({ loopback: 'deny', lookup: async () => ['8.8.8.8', '127.0.0.1'] });
      expect(await probe(gate, { host, port: canary.port, security: 'none', role })).toEqual([
        ...passed('name'),
        {
          name: 'route',
          ok: false,
          ms: expect.any(Number),
          code: 'egress_refused',
          message: "The server's network policy does not allow this destination.",
          remedy: expect.stringContaining('egress.allow'),
        },
      ]);
      expect(canary.connections()).toBe(0);
    },
  );

  it('stops at TCP of a closed port', async () => {
    const { port, stop } = await listen(createTcpServer());
    await stop();
    expect(await probe(buildGate(), { host: '127.0.0.1', port, security: 'tls', role })).toEqual([
      ...passed('name', 'route'),
      expect.objectContaining({ name: 'tcp', ok: false, code: 'unreachable', remedy: expect.any(String) }),
    ]);
  });

  it('D20: stops in its budget at a server that is silent in the handshake', async () => {
    await using canary = await startCanary();
    const gate = buildGate({ connectTimeoutMs: 50 });
    expect(await probe(gate, { host: '127.0.0.1', port: canary.port, security: 'tls', role })).toEqual([
      ...passed('name', 'route', 'tcp'),
      expect.objectContaining({ name: 'tls', ok: false, code: 'timeout' }),
    ]);
  });

  it('reports nothing more once it was cancelled', async () => {
    let answer: (addresses: string[]) => void = () => undefined;
    const answered = new Promise<string[]>((resolve) => {
      answer = resolve;
    });
    const gate = buildGate({ connectTimeoutMs: 20, lookup: () => answered });
    const stages = await probe(gate, { host: 'slow.example.test', port: 1, security: 'none', role });
    answer(['127.0.0.1']);
    await new Promise(setImmediate);
    expect(stages).toEqual([expect.objectContaining({ name: 'name', ok: false, code: 'timeout' })]);
  });

  it('stops when the caller leaves', async () => {
    const stages = await probe(
      buildGate(),
      { host: '127.0.0.1', port: 1, security: 'none', role },
      AbortSignal.abort(),
    );
    expect(stages).toEqual([expect.objectContaining({ name: 'name', ok: false, code: 'cancelled' })]);
  });
});
