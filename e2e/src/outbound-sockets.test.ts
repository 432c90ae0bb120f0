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
    const create = async (datasourceID: string, connectionProperties: object) => {
      const qName = `journey ${datasourceID} ${Object.keys(connectionProperties).length}`;
      const made = await stand.api.post(connections, { datasourceID, qName, connectionProperties });
      expect(made.status, made.text).toBe(201);
      return `${connections}/${made.body.qID}`;
    };
    for (const { datasourceID, properties, path: readPath, isClosed } of stand.sources) {
      const id = await create(datasourceID, properties);
      await stand.api.post(`${id}/actions/test`);
      await stand.api.post(`${id}/actions/browse`);
      const answer = await stand.api.post(`${id}/actions/read`, { path: readPath });
      // Where nothing listens, the driver dials all the same.
      expect(answer.status, `${datasourceID} ${answer.text}`).toBe(isClosed ? 424 : 200);
    }
    // Sign-in, renewal and revocation of a grant.
    const google = { OAuthMechanism: '1', Catalog: stand.bigquery.projectId };
    const begun = await stand.api.post(connections, {
      ...{ datasourceID: 'gbq', qName: 'signed in', connectionProperties: google, authUrlOnly: true },
    });
    const { searchParams } = new URL(begun.body.authUrl);
    stand.authorizationServer.addRedirectUri(searchParams.get('redirect_uri') ?? '');
    const authCode = await signInAndCopyCode(stand, begun.body.authUrl);
    const signedIn = await create('gbq', { ...google, authCode });
    expect((await stand.api.post(`${signedIn}/actions/browse`)).status).toBe(200);
    stand.authorizationServer.expireAccessTokens();
    expect((await stand.api.post(`${signedIn}/actions/browse`)).status).toBe(200);
    expect((await stand.api.delete(signedIn)).status).toBe(204);
    await expect.poll(() => stand.authorizationServer.counts().revocation).toBeGreaterThan(0);

    const sockets = stand.mooring.sockets();
    expect(detoursAmong(sockets)).toEqual([]);
    const portOf = (url: string) => Number(new URL(url).port);
    const { authorizationServer, rest, bigquery, github, s3, postgres } = stand;
    const named = [authorizationServer, rest, bigquery, github, s3].map(({ url }) => portOf(url));
    const closed = stand.sources.find(({ datasourceID }) => datasourceID === 'mysql')?.properties['port'];
    const dialled = new Set(sockets.map(({ kind, address, port }) => `${kind} ${address}:${port}`));
    const expected = [...named, postgres.port, closed].map((port) => `tcp 127.0.0.1:${port}`);
    expect([...dialled].toSorted()).toEqual(expected.toSorted());
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
