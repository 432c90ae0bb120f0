import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, ApiClient, TestUser } from '../../../testing/api-client.js';
import {
  type DestinationStand,
  login,
  type MadeConnection,
  startDestinationStand,
} from './__fixtures__/destination-stand.js';
import { type OpenedServer, openedServer } from './__fixtures__/opened-server.js';

// Choosing a separated credential for a connection confirms its destination, and no other request does.

const path = '/api/v1/data-connections';

describe('a choice of a credential', () => {
  let stand: DestinationStand;

  beforeAll(async () => {
    stand = await startDestinationStand();
  });
  afterAll(() => stand.close());

  const replace = (at: string, value: unknown) => [{ op: 'replace', path: at, value }];
  /** Her own separated credential, on a connection that another user has pointed elsewhere. */
  const movedByAnother = async () => {
    const { there, admin, separated, state, move } = stand;
    const made = await separated();
    const { credentialId } = await state(made.qID);
    expect((await move(made, there.port, admin)).status).toBe(204);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    return { ...made, credentialId: credentialId as string };
  };
  const choices: [
    string,
    (made: MadeConnection, credentialId: string, person: TestUser) => Promise<Answer>,
  ][] = [
    [
      'PATCH /qCredentialsID',
      ({ qID }, id, person) => person.api.patch(`${path}/${qID}`, replace('/qCredentialsID', id)),
    ],
    [
      'PATCH /connectionProperties/selectedCredentials',
      ({ qID }, id, person) =>
        person.api.patch(`${path}/${qID}`, replace('/connectionProperties/selectedCredentials', id)),
    ],
    [
      'PUT with qCredentialsID',
      async (made, id, person) => {
        const { alice, spaceId } = stand;
        const { qConnectStatement } = (await alice.api.get(`${path}/${made.qID}`)).body;
        const { qID, qName } = made;
        return person.api.put(`${path}/${qID}`, {
          ...{ qID, qEngineObjectID: qID, qName, qType: 'QvOdbcConnectorPackage.exe' },
          ...{ qConnectStatement, qCredentialsID: id, qSeparateCredentials: true, space: spaceId },
        });
      },
    ],
    [
      'PATCH of the credential with the connection',
      ({ qID }, id, person) =>
        person.api.patch(`/api/v1/data-credentials/${id}`, replace('/connectionId', qID)),
    ],
    [
      'PUT of the credential on the connection',
      ({ qID }, id, person) => person.api.put(`${path}/${qID}/credential`, { credentialId: id }),
    ],
  ];

  it.each(choices)('QL1: %s is a confirmation by its user, and for no other user', async (_what, choose) => {
    const { there, alice, bob, admin, state, move, dialled } = stand;
    const made = await movedByAnother();
    await bob.api.put(`${path}/${made.qID}/credential`, {
      ...{ credentialsName: `bobs on ${made.qName}`, connectionProperties: { ...login, username: 'bob' } },
    });
    expect((await move(made, 1)).status).toBe(204);
    const before = dialled();
    for (const other of [bob, admin])
      expect([403, 404]).toContain((await choose(made, made.credentialId, other)).status);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    const events = () =>
      admin.api.get('/api/v1/audits?eventType=mooring.v1.data-credential.updated&limit=100');
    const noted = (await events()).body.data.length;
    const chosen = await choose(made, made.credentialId, alice);
    expect(chosen.status, chosen.text).toBeLessThan(205);
    expect(await state(made.qID)).toMatchObject({ state: 'ready', credentialId: made.credentialId });
    expect((await alice.api.get(`${path}/${made.qID}`)).body.qCredentialsID).toBe(made.credentialId);
    expect((await events()).body.data).toHaveLength(noted + 1);
    // The confirmation covers this destination and her credential only.
    expect((await state(made.qID, bob)).state).toBe('needs_confirmation');
    expect((await move(made, there.port, admin)).status).toBe(204);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
    expect(dialled()).toBe(before);
  });

  it('QL1: a create that selects a credential confirms the new connection’s host', async () => {
    const { definition, there, alice, bob, spaceId, separated, state } = stand;
    const made = await separated();
    const { credentialId, destination } = await state(made.qID);
    const body = (person: TestUser, choice: object) =>
      person.api.post(path, {
        ...{ datasourceID: 'postgres', qName: `again of ${person.id}`, space: spaceId },
        connectionProperties: { ...definition(), port: there.port, separateCredentials: 'true', ...choice },
      });
    const again = await body(alice, { selectedCredentials: credentialId });
    expect(again.body, again.text).toMatchObject({ qCredentialsID: credentialId });
    const shown = await state(again.body.qID);
    expect(shown).toMatchObject({ state: 'ready', confirmedDestinations: [destination, shown.destination] });
    expect((await body(bob, { selectedCredentials: credentialId })).status).toBe(404);
  });

  it('QL1: a repeated qCredentialsID, a copy, a move and a bulk update are not a choice', async () => {
    const { here, there, alice, admin, otherSpaceId, separated, state, put } = stand;
    const made = await separated();
    const { credentialId } = await state(made.qID);
    const { qConnectStatement } = (await alice.api.get(`${path}/${made.qID}`)).body;
    const echoed = await put(made, true, {
      qConnectStatement: qConnectStatement.replace(`port=${here.port}`, `port=${there.port}`),
      qCredentialsID: credentialId,
    });
    expect(echoed.status, echoed.text).toBe(204);
    const copy = await alice.api.post(`${path}/actions/duplicate`, { id: made.qID });
    const bulk = { id: made.qID, spaceId: otherSpaceId, qCredentialsID: credentialId };
    const moved = await admin.api.post(`${path}/actions/update`, {
      connections: [{ ...bulk, selectedCredentials: credentialId }],
    });
    expect(moved.status, moved.text).toBe(207);
    for (const qID of [made.qID, copy.body.qID]) expect((await state(qID)).state).toBe('needs_confirmation');
  });

  it('QL1: a choice with If-Match is refused if the destination has changed since', async () => {
    const { there, alice, admin, separated, state, move } = stand;
    const made = await separated();
    const { credentialId } = await state(made.qID);
    const tag = (await alice.api.get(`${path}/${made.qID}`)).headers.get('etag') ?? '';
    expect((await move(made, there.port, admin)).status).toBe(204);
    const late = await alice.api.patch(`${path}/${made.qID}`, replace('/qCredentialsID', credentialId), {
      'if-match': tag,
    });
    expect(late.status).toBe(412);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
  });
});

describe('QL1: a concurrent update of the destination', () => {
  let server: OpenedServer;
  beforeAll(async () => {
    server = await openedServer();
  });
  afterAll(() => server.close());

  const doors: [string, (at: string, id: string, api: ApiClient) => Promise<Answer>][] = [
    ['PATCH', (at, id, api) => api.patch(at, [{ op: 'replace', path: '/qCredentialsID', value: id }])],
    ['PUT of the credential', (at, id, api) => api.put(`${at}/credential`, { credentialId: id })],
    [
      'PATCH of the credential',
      (at, id, api) =>
        api.patch(`/api/v1/data-credentials/${id}`, [
          { op: 'replace', path: '/connectionId', value: at.split('/').at(-1) },
        ]),
    ],
  ];
  it.each(doors)('makes %s a 409, and allows nothing', async (what, choose) => {
    const { admin: api, store } = server;
    const properties = { host: 'here.example', db: 'd', ...login, separateCredentials: 'true' };
    const made = await api.post(path, {
      ...{ datasourceID: 'postgres', qName: what, connectionProperties: properties },
    });
    const at = `${path}/${made.body.qID}`;
    const own = (await api.get(`${at}/credential`)).body;
    const run = store.transaction;
    let comesBetween = true;
    store.transaction = (work) => {
      if (comesBetween)
        server.sql(`update connection set destination = replace(destination, 'here', 'evil'),
          version = version + 1 where id = '${made.body.qID}'`);
      comesBetween = false;
      return run(work);
    };
    const answer = await choose(at, own.credentialId, api);
    store.transaction = run;
    expect([answer.status, answer.body?.errors[0].code], answer.text).toEqual([409, 'CONFLICT']);
    expect((await api.get(`${at}/credential`)).body).toMatchObject({
      ...{ state: 'needs_confirmation', confirmedDestinations: own.confirmedDestinations },
    });
  });
});
