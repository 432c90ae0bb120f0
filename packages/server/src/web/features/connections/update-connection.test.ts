import { createServiceAccount } from '@mooring/lab/bigquery/service-account';
import { describe, expect, it } from 'vitest';
import { connectionStandOfFile, database, login } from './__fixtures__/connection-stand.js';

const file = connectionStandOfFile();

describe('PATCH of a connection', () => {
  it('changes name and tags, keeps the credential, and takes any casing of members', async () => {
    const { create, get, patch } = file.stand;
    const made = await create();
    const answer = await patch(made.qID, [
      { OP: 'replace', Path: '/qName', Value: 'renamed' },
      { op: 'add', path: '/tags', value: ['one', 'two'] },
    ]);
    expect(answer.status, answer.text).toBe(204);
    const now = await get(made.qID);
    expect(now).toMatchObject({
      qName: 'renamed',
      tags: ['one', 'two'],
      qCredentialsID: made.qCredentialsID,
    });
    expect(now.updated >= made.updated).toBe(true);
  });

  it('SU12: keeps a name exactly as it was sent, or refuses it; a lookup finds every name that was kept', async () => {
    const { alice, spaceId } = file.stand;
    const named = (qName: string, credentialsName = qName) =>
      alice.api.post('/api/v1/data-connections', {
        ...{ datasourceID: 'postgres', qName, space: spaceId },
        connectionProperties: { ...database, ...login, separateCredentials: true, credentialsName },
      });
    for (const wrong of [' outer', 'outer ', '\u00a0outer', '.', '..']) {
      const message = /must not (be|begin)/;
      expect((await named(wrong)).body.errors?.[0].detail, JSON.stringify(wrong)).toMatch(message);
      expect((await named('right', wrong)).body.errors?.[0].detail).toMatch(message);
      for (const [resource, body] of [
        ['spaces', { name: wrong, type: 'shared' }],
        ['data-credentials', { datasourceID: 'postgres', qName: wrong, connectionProperties: login }],
      ] as const) {
        const refused = await alice.api.post(`/api/v1/${resource}`, body);
        expect([refused.status, refused.body.errors[0].detail]).toEqual([
          400,
          expect.stringMatching(message),
        ]);
      }
    }
    for (const right of ['...', 'a/b?c#d%2F;\\', 'in  side', '\u20ac'.repeat(256), '..a', '%2e']) {
      const made = await named(right);
      expect(made.status, made.text).toBe(201);
      const path = encodeURIComponent(right);
      const found = await alice.api.get(
        `/api/v1/data-connections/${path}?type=connectionname&spaceId=${spaceId}`,
      );
      expect(found.body?.qName, found.text).toBe(right);
      const credential = await alice.api.get(`/api/v1/data-credentials/${path}?byCredentialName=true`);
      expect(credential.body?.qName, credential.text).toBe(right);
    }
  });

  it('QL3: paths lead into secret files; a file must be sent whole', async () => {
    const { alice, spaceId, patch, state } = file.stand;
    const one = JSON.stringify(createServiceAccount('http://127.0.0.1:9', 'project').key);
    const another = JSON.stringify(createServiceAccount('http://127.0.0.1:9', 'project').key);
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'gbq', qName: `gbq ${file.count}`, space: spaceId },
      connectionProperties: {
        OAuthMechanism: '0',
        Catalog: 'project',
        KeyFilePath: [{ name: 'credentials.json', value: one }],
      },
    });
    expect(made.status, made.text).toBe(201);
    const at = '/connectionProperties/KeyFilePath/0';
    const changed = await patch(made.body.qID, [
      { op: 'replace', path: `${at}/name`, value: 'new.json' },
      { op: 'replace', path: `${at}/value`, value: another },
    ]);
    expect(changed.status, changed.text).toBe(204);
    expect(await state(made.body.qID)).toBe('ready');
    expect((await patch(made.body.qID, [{ op: 'replace', path: `${at}/value`, value: one }])).status).toBe(
      204,
    );
    const half = await patch(made.body.qID, [{ op: 'replace', path: `${at}/name`, value: 'x' }]);
    expect([half.status, half.body.errors[0].detail]).toEqual([
      400,
      'connectionProperties.KeyFilePath.0.value: is required',
    ]);
    const gap = await patch(made.body.qID, [
      { op: 'replace', path: '/connectionProperties/KeyFilePath/3/value', value: one },
    ]);
    expect(gap.status).toBe(400);
  });

  it('QL11: accepts another connect statement for an embedded connection only with its login', async () => {
    const { alice, create, get, patch } = file.stand;
    const made = await create();
    const { qConnectStatement } = await get(made.qID);
    const restated = `${qConnectStatement.slice(0, -1)}connectTimeout=20;"`;
    const statement = (value: string, more: object[] = []) =>
      patch(made.qID, [{ op: 'replace', path: '/qConnectStatement', value }, ...more]);
    expect((await statement(qConnectStatement)).status).toBe(204);
    const changed = qConnectStatement.replace('db=sales;', 'db=other;');
    const alone = await statement(changed);
    expect(alone.status, restated).toBe(400);
    expect(alone.body.errors[0].detail).toMatch(/must be sent with this change/);
    const login = { op: 'add', path: '/qPassword', value: 'canary-restated' };
    const user = { op: 'add', path: '/qUsername', value: 'alice' };
    const together = await statement(changed, [user, login]);
    expect(together.status, together.text).toBe(204);
    const wrapped = await alice.api.patch(`/api/v1/data-connections/${made.qID}`, { patchData: [] });
    expect(wrapped.body.errors[0].detail).toBe(
      'body: must be the list of changes itself, not an object with a member patchData',
    );
  });

  it.each([
    [
      'the statement together with properties',
      [
        { op: 'replace', path: '/qConnectStatement', value: 'x' },
        { op: 'replace', path: '/connectionProperties/db', value: 'y' },
      ],
    ],
    [
      'a password given twice',
      [
        { op: 'replace', path: '/qPassword', value: 'x' },
        { op: 'replace', path: '/connectionProperties/password', value: 'y' },
      ],
    ],
    ['an unknown path', [{ op: 'replace', path: '/nonesuch', value: 'x' }]],
    ['an unknown property', [{ op: 'replace', path: '/connectionProperties/nonesuch', value: 'x' }]],
    ['an immutable member', [{ op: 'replace', path: '/qID', value: 'x' }]],
    ['a missing value', [{ op: 'replace', path: '/qName' }]],
    ['a wrong operation', [{ op: 'move', path: '/qName', value: 'x' }]],
    ['33 tags', [{ op: 'replace', path: '/tags', value: Array.from({ length: 33 }, String) }]],
    ['a prototype', [{ op: 'add', path: '/connectionProperties/__proto__', value: 'x' }]],
  ])('refuses %s with a 400', async (_what, operations) => {
    const { create, get, patch } = file.stand;
    const made = await create();
    const answer = await patch(made.qID, operations);
    expect(answer.status, answer.text).toBe(400);
    expect((await get(made.qID)).qName).toBe(made.qName);
  });

  it('refuses a name that is taken', async () => {
    const { create, patch } = file.stand;
    const [first, second] = [await create(), await create()];
    expect((await patch(second.qID, [{ op: 'replace', path: '/qName', value: first.qName }])).status).toBe(
      409,
    );
  });
});

describe('PUT of a connection', () => {
  const put = (body: { qID: string }) =>
    file.stand.alice.api.put(`/api/v1/data-connections/${body.qID}`, body);

  it('V16: a PUT of what GET returned changes nothing', async () => {
    const { create, get, state } = file.stand;
    const made = await create();
    const before = await get(made.qID);
    expect((await put(before)).status).toBe(204);
    const after = await get(made.qID);
    const { updated, updatedAt, ...rest } = after;
    expect(before).toMatchObject(rest);
    expect(await state(made.qID)).toBe('ready');
  });

  it('changes name and space, and a statement with its credential', async () => {
    const { otherSpaceId, create, get } = file.stand;
    const made = await create();
    const before = await get(made.qID);
    expect((await put({ ...before, qName: `put ${file.count}`, space: otherSpaceId })).status).toBe(204);
    const moved = await get(made.qID);
    expect(moved).toMatchObject({ qName: `put ${file.count}`, space: otherSpaceId });
    const qConnectStatement = moved.qConnectStatement.replace('db.example.com', 'put.example.com');
    expect((await put({ ...moved, qConnectStatement })).status).toBe(400);
    const whole = await put({
      ...moved,
      qConnectStatement,
      qUsername: 'alice',
      qPassword: 'fresh',
    } as never);
    expect(whole.status, whole.text).toBe(204);
    expect((await get(made.qID)).connectionProperties.host).toBe('put.example.com');
  });

  it('refuses another id or data source', async () => {
    const { alice, create, get } = file.stand;
    const made = await create();
    const before = await get(made.qID);
    const url = `/api/v1/data-connections/${made.qID}`;
    expect(
      (await alice.api.put(url, { ...before, qID: '00000000-0000-4000-8000-000000000000' })).status,
    ).toBe(400);
    expect((await alice.api.put(url, { ...before, datasourceID: 'mysql' })).status).toBe(400);
    expect((await alice.api.put(url, { qName: 'x' })).status).toBe(400);
  });
});

it('V15: the log has no secret', () => {
  expect(file.stand.server.logText()).not.toContain(login.password);
});
