import { describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { connectionStandOfFile, database, login } from './__fixtures__/connection-stand.js';

const file = connectionStandOfFile();

describe('credentials after an update of their connection', () => {
  it('X01: refuses to point an embedded connection elsewhere unless the credential is sent again', async () => {
    const { create, get, patch, state } = file.stand;
    const made = await create();
    for (const name of ['host', 'port', 'sslmode']) {
      const value = { host: 'evil.example.com', port: 9999, sslmode: 'disable' }[name];
      const answer = await patch(made.qID, [{ op: 'replace', path: `/connectionProperties/${name}`, value }]);
      expect(answer.status, name).toBe(400);
      expect(answer.body.errors[0].detail).toMatch(/must be sent with this change/);
    }
    expect((await get(made.qID)).connectionProperties).toMatchObject(database);
    const together = await patch(made.qID, [
      { op: 'replace', path: '/connectionProperties/host', value: 'new.example.com' },
      { op: 'replace', path: '/connectionProperties/username', value: 'alice' },
      { op: 'replace', path: '/connectionProperties/password', value: 'another' },
    ]);
    expect(together.status, together.text).toBe(204);
    expect(await state(made.qID)).toBe('ready');
    expect((await get(made.qID)).connectionProperties.host).toBe('new.example.com');
  });

  it("QL2: replaces one part of the caller's login and keeps the rest", async () => {
    const { alice, spaceId, create, separated, get, patch, state } = file.stand;
    const [embedded, mine] = [await create(), await separated()];
    const s3 = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'File_AmazonS3Connector', qName: `s3 ${file.count}`, space: spaceId },
      connectionProperties: {
        ...{ accessKey: 'AK', secretKey: 'canary-s3-1', region: 'us-east-1', bucketName: 'bucket' },
        ...{ separateCredentials: 'true', credentialsName: `s3 ${file.count}` },
      },
    });
    expect(s3.status, s3.text).toBe(201);
    const rotate = (path: string, value: string) => [{ op: 'replace', path, value }];
    for (const [id, path] of [
      [embedded.qID, '/connectionProperties/password'],
      [embedded.qID, '/qPassword'],
      [mine.qID, '/connectionProperties/password'],
      [s3.body.qID, '/connectionProperties/secretKey'],
      [s3.body.qID, '/qPassword'],
    ]) {
      const answer = await patch(id, rotate(path, `canary-rotated-${path.length}`));
      expect(answer.status, `${path} ${answer.text}`).toBe(204);
      expect(await state(id)).toBe('ready');
    }
    expect((await get(mine.qID)).qCredentialsID).toBe(mine.qCredentialsID);
    const { qConnectStatement } = await get(embedded.qID);
    const put = await alice.api.put(`/api/v1/data-connections/${embedded.qID}`, {
      ...{ qID: embedded.qID, qEngineObjectID: embedded.qID, qName: embedded.qName, qConnectStatement },
      ...{ qType: 'QvOdbcConnectorPackage.exe', space: spaceId, qPassword: 'canary-rotated-put' },
    });
    expect(put.status, put.text).toBe(204);
    const copy = await alice.api.post('/api/v1/data-connections/actions/duplicate', {
      ...{ id: embedded.qID, qPassword: 'canary-rotated-copy' },
    });
    expect(copy.status, copy.text).toBe(201);
    expect(await state(copy.body.qID)).toBe('ready');
  });

  it('QL2: sends kept parts to no other destination, and never mixes the logins of two users', async () => {
    const { server, alice, create, separated, patch, state } = file.stand;
    const [embedded, mine] = [await create(), await separated()];
    const aimed = (id: string, person: TestUser, host = 'evil.example.com') =>
      patch(
        id,
        [
          { op: 'replace', path: '/connectionProperties/host', value: host },
          { op: 'replace', path: '/connectionProperties/username', value: 'mallory' },
        ],
        person,
      );
    for (const id of [embedded.qID, mine.qID]) {
      const refused = await aimed(id, alice);
      expect([refused.status, refused.body.errors[0].detail]).toEqual([
        400,
        'connectionProperties.password: is required for sign-in by User name and password',
      ]);
    }
    const administrator = await addUser(server.url, server.adminKey, `administrator ${file.count}`, [
      'TenantAdmin',
    ]);
    for (const id of [embedded.qID, mine.qID])
      expect((await aimed(id, administrator, database.host)).status).toBe(400);
    // The connection now points elsewhere: parts that she has not allowed there are not sent.
    await patch(mine.qID, [
      { op: 'replace', path: '/connectionProperties/host', value: 'moved.example.com' },
    ]);
    const part = [{ op: 'replace', path: '/connectionProperties/username', value: 'alice2' }];
    expect((await patch(mine.qID, part)).status).toBe(400);
    expect(await state(mine.qID)).toBe('needs_confirmation');
  });

  it('QL8: turns an embedded login into a separated one of the requested name', async () => {
    const { alice, spaceId, create, patch, state } = file.stand;
    const made = await create();
    const name = `named ${file.count}`;
    const answer = await patch(made.qID, [
      { op: 'add', path: '/connectionProperties/separateCredentials', value: 'True' },
      { op: 'add', path: '/connectionProperties/credentialsName', value: name },
    ]);
    expect(answer.status, answer.text).toBe(204);
    const own = await alice.api.get(
      `/api/v1/data-credentials/${encodeURIComponent(name)}?byCredentialName=1`,
    );
    expect(own.body).toMatchObject({ qID: made.qCredentialsID, qSeparated: 1 });
    expect(await state(made.qID)).toBe('ready');
    for (const nothing of [
      await patch(made.qID, [{ op: 'add', path: '/connectionProperties/credentialsName', value: 'nothing' }]),
      await alice.api.post('/api/v1/data-connections', {
        ...{ datasourceID: 'postgres', qName: 'of nothing', space: spaceId },
        connectionProperties: { ...database, separateCredentials: 1, credentialsName: 'nothing' },
      }),
    ]) {
      expect(nothing.status).toBe(400);
      expect(nothing.body.errors[0].detail).toMatch(
        /credentialsName: names a credential, and the request holds no/,
      );
    }
  });

  it('makes an embedded connection separated with new secrets', async () => {
    const { alice, create, get, patch } = file.stand;
    const made = await create();
    const answer = await patch(made.qID, [
      { op: 'replace', path: '/connectionProperties/separateCredentials', value: 'true' },
      { op: 'add', path: '/connectionProperties/credentialsName', value: `switched ${file.count}` },
      { op: 'add', path: '/connectionProperties/username', value: 'alice' },
      { op: 'add', path: '/connectionProperties/password', value: 'p' },
    ]);
    expect(answer.status, answer.text).toBe(204);
    expect(await get(made.qID)).toMatchObject({ qSeparateCredentials: true });
    expect(
      (await alice.api.get(`/api/v1/data-credentials/switched%20${file.count}?byCredentialName=true`)).body
        .qConnCount,
    ).toBe(1);
    expect((await get(made.qID)).qCredentialsID).toBe(made.qCredentialsID);
  });

  it('X03: ignores a credential of another sign-in method than the connection uses now, even if it was confirmed', async () => {
    const { alice, spaceId, patch, state } = file.stand;
    const made = await alice.api.post('/api/v1/data-connections', {
      datasourceID: 'rest',
      qName: `rest ${file.count}`,
      space: spaceId,
      connectionProperties: {
        ...{ url: 'https://api.example.com/items', authSchema: 'basic', ...login },
        ...{ separateCredentials: true, credentialsName: `rest login ${file.count}` },
      },
    });
    expect(made.status, made.text).toBe(201);
    const id = made.body.qID;
    const changes = [
      { op: 'replace', path: '/connectionProperties/authSchema', value: 'apiKey' },
      { op: 'add', path: '/connectionProperties/apiKeyHeader', value: 'X-Key' },
    ];
    const changed = await patch(id, changes);
    expect(changed.status, changed.text).toBe(204);
    const at = `/api/v1/data-connections/${id}`;
    const { destination, ...before } = (await alice.api.get(`${at}/credential`)).body;
    expect(before.state).toBe('needs_confirmation');
    const confirmed = await alice.api.post(`${at}/credential/actions/confirm`, { destination });
    expect(confirmed.body.state, confirmed.text).toBe('missing');
    expect(confirmed.body).not.toHaveProperty('credentialId');
    expect((await alice.api.post(`${at}/actions/resolve`)).body).toMatchObject({
      usable: false,
      state: 'missing',
    });
    expect((await alice.api.post(`${at}/actions/test`)).body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'missing' },
    });
    const back = await patch(id, [
      { op: 'replace', path: '/connectionProperties/authSchema', value: 'basic' },
      { op: 'remove', path: '/connectionProperties/apiKeyHeader' },
    ]);
    expect(back.status, back.text).toBe(204);
    expect(await state(id)).toBe('ready');
  });

  it('X03: asks every user to confirm when the destination changes', async () => {
    const { alice, bob, separated, get, patch, state } = file.stand;
    const made = await separated();
    await bob.api.put(`/api/v1/data-connections/${made.qID}/credential`, {
      credentialsName: `bobs ${file.count}`,
      connectionProperties: { username: 'bob', password: 'bobs-password' },
    });
    const moved = await patch(made.qID, [
      { op: 'replace', path: '/connectionProperties/host', value: 'moved.example.com' },
    ]);
    expect(moved.status, moved.text).toBe(204);
    for (const person of [alice, bob]) {
      expect(await state(made.qID, person)).toBe('needs_confirmation');
      expect(await get(made.qID, person)).not.toHaveProperty('qCredentialsID');
      const use = await person.api.post(`/api/v1/data-connections/${made.qID}/actions/preview`, {
        path: ['a', 'b'],
      });
      expect(use.body.errors[0]).toMatchObject({
        code: 'CREDENTIALS-REQUIRED',
        meta: { reason: 'needs_confirmation' },
      });
    }
    const back = await patch(made.qID, [
      { op: 'replace', path: '/connectionProperties/host', value: database.host },
    ]);
    expect(back.status).toBe(204);
    expect(await state(made.qID, bob)).toBe('ready');
  });

  it("keeps every user's credential when the destination stays the same", async () => {
    const { otherSpaceId, separated, get, patch, state } = file.stand;
    const made = await separated();
    const harmless = [
      { op: 'replace', path: '/connectionProperties/db', value: 'other' },
      { op: 'replace', path: '/qName', value: 'harmless' },
      { op: 'replace', path: '/space', value: otherSpaceId },
    ];
    for (const operation of harmless) expect((await patch(made.qID, [operation])).status).toBe(204);
    expect(await state(made.qID)).toBe('ready');
    expect((await get(made.qID)).space).toBe(otherSpaceId);
  });

  it('X09: lets a member link their own credential, and nothing else', async () => {
    const { bob, separated, patch, state } = file.stand;
    const made = await separated();
    const own = await bob.api.post('/api/v1/data-credentials', {
      datasourceID: 'postgres',
      qName: `own ${file.count}`,
      connectionProperties: { ...database, username: 'bob', password: 'p' },
    });
    expect(
      (await patch(made.qID, [{ op: 'replace', path: '/qName', value: 'taken over' }], bob)).status,
    ).toBe(403);
    expect(
      (await patch(made.qID, [{ op: 'add', path: '/qCredentialsID', value: own.body.qID }], bob)).status,
    ).toBe(204);
    expect(await state(made.qID, bob)).toBe('ready');
    const foreign = await patch(made.qID, [{ op: 'add', path: '/qCredentialsID', value: own.body.qID }]);
    expect(foreign.status).toBe(404);
    expect((await patch(made.qID, [{ op: 'remove', path: '/qCredentialsID' }], bob)).status).toBe(204);
    expect(await state(made.qID, bob)).toBe('missing');
    expect((await patch(made.qID, [{ op: 'replace', path: '/user', value: bob.id }])).status).toBe(403);
  });
});

it('V15: the log has no secret', () => {
  expect(file.stand.server.logText()).not.toContain(login.password);
});
