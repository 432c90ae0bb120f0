import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { detoursAmong, readSockets, watchOption } from '@mooring/lab/socket-watch/outbound-sockets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EgressStand, startEgressStand } from './egress-stand.js';
import { preloads } from './product.js';
import { endpointsWith, leadingConnections, targetOf } from './running-sources.js';
import { signInAndCopyCode } from './sign-in-lab.js';

// S06: no driver dials around the gate. Every process of these journeys is watched and judged when it is stopped
// (mooring-process.ts); here the list itself is looked at, and the watch is shown to see.

describe('the sockets of a whole journey', () => {
  let stand: EgressStand;
  beforeAll(async () => {
    stand = await startEgressStand();
  });
  afterAll(() => stand?.close());

  it('S06, S11, S12: all come from the gate, and lead to what the connections name and nowhere else', async () => {
    const connections = '/api/v1/data-connections';
    let count = 0;
    const create = async (datasourceID: string, connectionProperties: object) => {
      count += 1;
      const qName = `journey ${count}`;
      const made = await stand.api.post(connections, { datasourceID, qName, connectionProperties });
      expect(made.status, made.text).toBe(201);
      return `${connections}/${made.body.qID}`;
    };
    const expected = new Set([new URL(stand.authorizationServer.issuer).host]);
    for (const source of stand.sources) {
      const { id, started } = source;
      for (const connection of leadingConnections(source)) {
        const { properties } = connection;
        for (const { host, port, via } of endpointsWith(id, properties, started.settings))
          if (via === undefined) expected.add(`${host}:${port}`);
        const made = await create(id, properties);
        await stand.api.post(`${made}/actions/test`);
        await stand.api.post(`${made}/actions/browse`);
        const answer = await stand.api.post(`${made}/actions/read`, targetOf(source, connection));
        expect(answer.status, `${id} ${connection.name} ${answer.text}`).toBe(200);
      }
      // Sign-in, renewal and revocation of a grant.
      for (const { properties } of started.bySignIn ?? []) {
        const begun = await stand.api.post(connections, {
          ...{
            datasourceID: id,
            qName: `signed in ${id}`,
            connectionProperties: properties,
            authUrlOnly: true,
          },
        });
        const { searchParams } = new URL(begun.body.authUrl);
        stand.authorizationServer.addRedirectUri(searchParams.get('redirect_uri') ?? '');
        const authCode = await signInAndCopyCode(stand, begun.body.authUrl);
        const signedIn = await create(id, { ...properties, authCode });
        const revoked = stand.authorizationServer.counts().revocation;
        for (const _ of ['at first', 'renewed']) {
          expect((await stand.api.post(`${signedIn}/actions/test`)).body.ok).toBe(true);
          stand.authorizationServer.expireAccessTokens();
        }
        expect((await stand.api.delete(signedIn)).status).toBe(204);
        await expect.poll(() => stand.authorizationServer.counts().revocation).toBeGreaterThan(revoked);
      }
    }

    const sockets = stand.mooring.sockets();
    expect(detoursAmong(sockets)).toEqual([]);
    const dialled = new Set(sockets.map(({ kind, address, port }) => `${kind} ${address}:${port}`));
    expect([...dialled].toSorted()).toEqual([...expected].map((place) => `tcp ${place}`).toSorted());
    expect(sockets.length).toBeGreaterThan(15);
    expect(stand.connections()).toBe(0);
  });
});

describe('the watch', () => {
  async function socketsOf(program: string) {
    const folder = mkdtempSync(path.join(tmpdir(), 'mooring-watch-'));
    const file = path.join(folder, 'sockets.ndjson');
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_OPTIONS: watchOption(preloads.socketWatch, file),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await once(child, 'exit');
    const sockets = readSockets(file);
    rmSync(folder, { recursive: true });
    return sockets;
  }

  it('S06: sees every way past the gate, so that one would have been shown', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const datagrams = createSocket('udp4');
    await new Promise<void>((resolve) => datagrams.bind(0, '127.0.0.1', resolve));
    const ways: Record<string, string> = {
      tcp: `(await import('node:net')).connect(${port}, '127.0.0.1').on('error', () => 0)`,
      name: `(await import('node:net')).connect(${port}, 'localhost').on('error', () => 0)`,
      tls: `(await import('node:tls')).connect(${port}, '127.0.0.1').on('error', () => 0)`,
      http: `(await import('node:http')).get('http://127.0.0.1:${port}/').on('error', () => 0)`,
      https: `(await import('node:https')).get('https://127.0.0.1:${port}/').on('error', () => 0)`,
      http2: `(await import('node:http2')).connect('http://127.0.0.1:${port}').on('error', () => 0)`,
      fetch: `await fetch('http://127.0.0.1:${port}/').catch(() => 0)`,
      pipe: `(await import('node:net')).connect('/no/such/socket').on('error', () => 0)`,
      udp: `const s = (await import('node:dgram')).createSocket('udp4');
            s.send('x', ${datagrams.address().port}, '127.0.0.1', () => s.close())`,
    };
    try {
      for (const [way, program] of Object.entries(ways)) {
        const sockets = await socketsOf(program);
        expect([way, detoursAmong(sockets).length > 0]).toEqual([way, true]);
        expect(sockets[0]?.kind).toBe(way === 'pipe' || way === 'udp' ? way : 'tcp');
      }
    } finally {
      server.close();
      datagrams.close();
    }
  });
});
