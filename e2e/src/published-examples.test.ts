import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { addUser, type TestUser } from '@mooring/server/testing/api-client';
import { startServer, type TestServer } from '@mooring/server/testing/start-server';
import type { HostConfig } from '@qlik/api/auth';
import dataConnections from '@qlik/api/data-connections';
import dataCredentials from '@qlik/api/data-credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleNames, jsonKey, publishedExamples } from './published-examples.js';

// Q: every body that Qlik publishes for a source that exists, as it stands: typed by Qlik's client, by curl in POSIX
// quoting, and as the bytes that Windows shells send; then Qlik's published changes of them.

const run = promisify(execFile);

let server: TestServer;
let alice: TestUser;
let spaceId: string;
let folder: string;
let options: { hostConfig: HostConfig; noCache: true };

beforeAll(async () => {
  server = await startServer({ configuration: { sources: { rest: { unverifiedTls: 'allow' } } } });
  alice = await addUser(server.url, server.adminKey, 'alice');
  spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Published', type: 'shared' })).body.id;
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-published-'));
  options = { hostConfig: { host: server.url, authType: 'apikey', apiKey: alice.key }, noCache: true };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.close();
});

const at = '/api/v1/data-connections';
const exampleOf = (name: string, door: string) => {
  const found = publishedExamples(door).find(([known]) => known === name);
  if (!found) throw new Error(`no example ${name}`);
  return found[1];
};
const curl = async (parameters: string, door = at, key = alice.key): Promise<string> => {
  const head = `-s -w '\\n%{http_code}' -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json'`;
  const { stdout } = await run('bash', ['-c', `curl ${head} ${parameters} '${server.url}${door}'`]);
  return stdout;
};

/** The parameter of curl with a body, by how it gets there; files as Windows shells write them. */
const ways: Readonly<Record<string, (body: object) => string>> = {
  'POSIX quoting': (body) => `-d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`,
  // Out-File -Encoding utf8 of PowerShell 5, and what editors write.
  'UTF-8 with a mark': (body) => inFile(Buffer.from(`\ufeff${windowsText(body)}`, 'utf8')),
  // > and Out-File of PowerShell 5.
  'UTF-16': (body) => inFile(Buffer.from(`\ufeff${windowsText(body)}`, 'utf16le')),
  // > and Out-File of PowerShell 7, and Invoke-RestMethod there.
  'UTF-8 with CRLF': (body) => inFile(Buffer.from(windowsText(body), 'utf8')),
  // cmd.exe, and PowerShell 7.3 with its own argument passing: one line, quotes by backslashes that curl never sees.
  'one line of cmd.exe': (body) => inFile(Buffer.from(JSON.stringify(body), 'utf8')),
};

const windowsText = (body: object) => `${JSON.stringify(body, null, 2)}\r\n`.replaceAll(/(?<!\r)\n/g, '\r\n');
function inFile(bytes: Buffer): string {
  const file = path.join(folder, 'body.json');
  writeFileSync(file, bytes);
  return `--data-binary '@${file}'`;
}

describe.each(exampleNames)('Q: %s', (name) => {
  it("is created by Qlik's client, under its types", async () => {
    const { status, data } = await dataConnections.createDataConnection(
      { ...exampleOf(name, 'client'), space: spaceId },
      options,
    );
    expect(status).toBe(201);
    if ('authUrl' in data) expect.fail('a sign-in');
    const read = await alice.api.get(`${at}/${data.qID}?parseConnection=true`);
    const sent = exampleOf(name, 'client').connectionProperties;
    for (const [property, value] of Object.entries(sent)) {
      const kept = read.body.connectionProperties[property];
      if (kept !== undefined && typeof value === 'string') expect(String(kept), property).toBe(value);
    }
  });

  it('is created by curl in POSIX quoting, and from what Windows shells send', async () => {
    for (const [way, parameter] of Object.entries(ways))
      expect(await curl(parameter(exampleOf(name, way))), way).toMatch(/\n201$/);
  });
});

describe("Qlik's published changes", () => {
  const make = async (name: string, door: string) =>
    (await alice.api.post(at, { ...exampleOf(name, door), space: spaceId })).body as {
      qID: string;
      qCredentialsID: string;
    };
  type Patch = Parameters<typeof dataConnections.patchDataConnection>[2];
  const patch = async (qID: string, changes: Patch) => {
    const { status } = await dataConnections.patchDataConnection(qID, {}, changes, options);
    expect(status).toBe(204);
    expect((await alice.api.get(`${at}/${qID}/credential`)).body.state).toBe('ready');
  };

  it('QL2: rotate a password and a secret key alone', async () => {
    const [postgres, s3] = [await make('postgres-tuned', 'rotate'), await make('s3-v1-separated', 'rotate')];
    await patch(postgres.qID, [
      { op: 'replace', path: '/connectionProperties/password', value: 'canary-rotated-1' },
    ]);
    await patch(s3.qID, [
      { op: 'replace', path: '/connectionProperties/secretKey', value: 'canary-rotated-2' },
    ]);
  });

  it('QL3: give BigQuery a new key', async () => {
    const { qID } = await make('gbq-tuned', 'new key');
    const [file = { name: '', value: '' }] = jsonKey('new.json');
    const email = String(exampleOf('gbq-tuned', 'new key').connectionProperties['Email']);
    await patch(qID, [
      { op: 'replace', path: '/connectionProperties/Email', value: email },
      { op: 'replace', path: '/connectionProperties/KeyFilePath/0/name', value: file.name },
      { op: 'replace', path: '/connectionProperties/KeyFilePath/0/value', value: file.value },
    ]);
  });

  it('QL1: re-associate a credential after the host has changed', async () => {
    const example = exampleOf('postgres-tuned', 'moved');
    const { data } = await dataConnections.createDataConnection(
      {
        ...example,
        connectionProperties: {
          ...{ ...example.connectionProperties, separateCredentials: 'true', credentialsName: 'of moved' },
        },
      },
      options,
    );
    if ('authUrl' in data) return expect.fail('a sign-in');
    const host = { op: 'replace', path: '/connectionProperties/host', value: 'new.example.com' } as const;
    await dataConnections.patchDataConnection(data.qID, {}, [host], options);
    const own = await dataCredentials.getDataCredential('of moved', { byCredentialName: true }, options);
    await patch(data.qID, [{ op: 'replace', path: '/qCredentialsID', value: own.data.qID }]);
  });

  const replaced = (path: string, value: string) => ({ op: 'replace', path, value });
  const parts: [name: string, of: string, body: (door: string) => object[]][] = [
    [
      'rotate-password',
      'postgres-tuned',
      () => [replaced('/connectionProperties/password', 'canary-rotated-3')],
    ],
    [
      'rotate-secret-key',
      's3-v1-separated',
      () => [replaced('/connectionProperties/secretKey', 'canary-rotated-4')],
    ],
    [
      'gbq-new-key',
      'gbq-tuned',
      (door) => [
        replaced(
          '/connectionProperties/Email',
          String(exampleOf('gbq-tuned', door).connectionProperties['Email']),
        ),
        replaced('/connectionProperties/KeyFilePath/0/name', 'new.json'),
        replaced('/connectionProperties/KeyFilePath/0/value', jsonKey()[0]?.value ?? ''),
      ],
    ],
  ];

  it.each(parts)('%s, by curl and from what Windows shells send', async (name, of, body) => {
    for (const [way, parameter] of Object.entries(ways)) {
      const { qID } = await make(of, `${name} ${way}`);
      const answer = await curl(`-X PATCH ${parameter(body(way))}`, `${at}/${qID}`);
      expect(answer, way).toMatch(/^\n204$/);
      expect((await alice.api.get(`${at}/${qID}/credential`)).body.state, way).toBe('ready');
    }
  });

  it('re-associate and bulk-space, by curl and from what Windows shells send', async () => {
    for (const [way, parameter] of Object.entries(ways)) {
      const { connectionProperties, ...rest } = exampleOf('postgres-tuned', `moved ${way}`);
      const separated = { separateCredentials: 'true', credentialsName: `of moved ${way}` };
      const made = await alice.api.post(at, {
        ...{ ...rest, connectionProperties: { ...connectionProperties, ...separated } },
      });
      const { qID, qCredentialsID } = made.body;
      await alice.api.patch(`${at}/${qID}`, [replaced('/connectionProperties/host', 'new.example.com')]);
      expect((await alice.api.get(`${at}/${qID}/credential`)).body.state, way).toBe('needs_confirmation');
      const chosen = await curl(
        `-X PATCH ${parameter([replaced('/qCredentialsID', qCredentialsID)])}`,
        `${at}/${qID}`,
      );
      expect(chosen, way).toMatch(/^\n204$/);
      expect((await alice.api.get(`${at}/${qID}/credential`)).body.state, way).toBe('ready');
      const bulk = { connections: [{ id: qID, spaceId, spaceType: 'shared' }] };
      const moved = await curl(parameter(bulk), `${at}/actions/update`, server.adminKey);
      expect(moved, way).toMatch(/"status":204.*\n207$/);
    }
  });

  it('QL5: move connections into a space by bulk', async () => {
    const admin = { ...options, hostConfig: { ...options.hostConfig, apiKey: server.adminKey } };
    const made = await alice.api.post(at, exampleOf('mysql', 'bulk'));
    const { status, data } = await dataConnections.updateDataConnections(
      { connections: [{ id: made.body.qID, spaceId, spaceType: 'shared' }] },
      admin,
    );
    expect([status, data.data?.[0]?.status]).toEqual([207, 204]);
  });
});
