import { type Canary, startCanary } from '@mooring/lab/canary';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type ApiClient, addPerson, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { type OpenedServer, openedServer } from './__fixtures__/opened-server.js';

// Every door by which a connection changes holds to the one rule about destinations.

const path = '/api/v1/data-connections';
const login = { username: 'somebody', password: 'canary-of-a-door' };

describe('every door to a changed destination', () => {
  let server: TestServer;
  let here: Canary;
  let there: Canary;
  let alice: TestPerson;
  let bob: TestPerson;
  let admin: TestPerson;
  let spaceId: string;
  let otherSpaceId: string;
  let count = 0;

  beforeAll(async () => {
    server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
    [here, there] = [await startCanary(), await startCanary()];
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
    admin = await addPerson(server.url, server.adminKey, 'administrator', ['TenantAdmin']);
    const spaces = [];
    for (const name of ['One', 'Two']) {
      const space = await alice.api.post('/api/v1/spaces', { name, type: 'shared' });
      const member = { type: 'user', assigneeId: bob.id, roles: ['facilitator', 'producer', 'dataconsumer'] };
      await alice.api.post(`/api/v1/spaces/${space.body.id}/assignments`, member);
      spaces.push(space.body.id);
    }
    [spaceId, otherSpaceId] = spaces as [string, string];
  });
  afterAll(async () => {
    await server.close();
    await Promise.all([here.close(), there.close()]);
  });

  const definition = () => ({ host: here.host, port: here.port, db: 'one', sslmode: 'disable' });
  const create = async (choice: object = {}) => {
    count += 1;
    const made = await alice.api.post(path, {
      datasourceID: 'postgres',
      qName: `door ${count}`,
      space: spaceId,
      connectionProperties: { ...definition(), ...login, ...choice },
    });
    expect(made.status, made.text).toBe(201);
    return made.body as { qID: string; qName: string; qSeparateCredentials: boolean };
  };
  const separated = () => create({ separateCredentials: true, credentialsName: `login ${count}` });
  const state = async (id: string, person = alice) => (await person.api.get(`${path}/${id}/credential`)).body;
  const dialled = () => here.connections() + there.connections();

  const statement = (properties: object) => {
    const pairs = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    const all = ['provider=QvOdbcConnectorPackage.exe', 'driver=postgres', ...pairs];
    return `CUSTOM CONNECT TO "${all.join(';')};"`;
  };
  const put = (made: { qID: string; qName: string }, isSeparated: boolean, more: object) =>
    alice.api.put(`${path}/${made.qID}`, {
      qID: made.qID,
      qEngineObjectID: made.qID,
      qName: made.qName,
      qType: 'QvOdbcConnectorPackage.exe',
      datasourceID: 'postgres',
      qSeparateCredentials: isSeparated,
      space: spaceId,
      ...more,
    });

  const doors: [string, (made: { qID: string; qName: string }, isSeparated: boolean) => Promise<Answer>][] = [
    [
      'PATCH of a property',
      ({ qID }) =>
        alice.api.patch(`${path}/${qID}`, [
          { op: 'replace', path: '/connectionProperties/port', value: there.port },
        ]),
    ],
    [
      'PATCH of the connect statement',
      ({ qID }, separateCredentials) =>
        alice.api.patch(`${path}/${qID}`, [
          {
            op: 'replace',
            path: '/qConnectStatement',
            value: statement({ ...definition(), port: there.port, separateCredentials }),
          },
        ]),
    ],
    [
      'PUT with a connect statement',
      (made, separateCredentials) =>
        put(made, separateCredentials, {
          qConnectStatement: statement({ ...definition(), port: there.port, separateCredentials }),
        }),
    ],
  ];

  it.each(doors)('X01, X03: %s leaves a separated credential waiting', async (_what, change) => {
    const made = await separated();
    const before = dialled();
    const answer = await change(made, true);
    expect(answer.status, answer.text).toBe(204);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
    expect(dialled()).toBe(before);
  });

  it.each(doors)('X01, X03: %s refuses to aim an embedded credential', async (_what, change) => {
    const made = await create();
    const answer = await change(made, false);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body.errors[0].detail).toMatch(/must be sent with this change/);
    const { destination } = await state(made.qID);
    expect(destination).toContain(`port=${here.port}`);
  });

  it('X12: a move by bulk update keeps the destination and every user’s credentials; an embedded one waits', async () => {
    for (const made of [await separated(), await create()]) {
      const isEmbedded = made.qSeparateCredentials === false;
      const moved = await admin.api.post(`${path}/actions/update`, {
        connections: [{ id: made.qID, spaceId: otherSpaceId, spaceType: 'shared' }],
      });
      expect(moved.status, moved.text).toBe(207);
      expect((await state(made.qID)).state).toBe(isEmbedded ? 'needs_confirmation' : 'ready');
    }
  });

  it('X12: a new owner gets no credential of the former one', async () => {
    const [shared, embedded] = [await separated(), await create()];
    const given = await admin.api.post(`${path}/actions/update`, {
      connections: [shared, embedded].map(({ qID }) => ({ id: qID, ownerId: bob.id })),
    });
    expect(given.status, given.text).toBe(207);
    const before = dialled();
    for (const { qID } of [shared, embedded]) {
      expect((await state(qID, bob)).state).toBe(qID === shared.qID ? 'missing' : 'needs_confirmation');
      expect((await bob.api.post(`${path}/${qID}/actions/test`)).status).toBe(403);
    }
    expect((await state(shared.qID)).state).toBe('ready');
    expect(dialled()).toBe(before);
  });

  it('X01: an editor who brings a login to an embedded connection ends that of its owner, and aims only their own', async () => {
    const made = await create();
    const { credentialId } = await state(made.qID);
    const aimed = await admin.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/connectionProperties/port', value: there.port },
    ]);
    expect(aimed.status, aimed.text).toBe(400);
    const half = await admin.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/connectionProperties/port', value: there.port },
      { op: 'add', path: '/connectionProperties/username', value: 'administrator' },
    ]);
    expect(half.status, half.text).toBe(400);
    const whole = await admin.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/connectionProperties/port', value: there.port },
      ...Object.entries({ username: 'administrator', password: 'of their own' }).map(([name, value]) => ({
        op: 'add',
        path: `/connectionProperties/${name}`,
        value,
      })),
    ]);
    expect(whole.status, whole.text).toBe(204);
    expect((await alice.api.get(`/api/v1/data-credentials/${credentialId}`)).status).toBe(404);
  });

  it('X03: a confirmation is for the destination that was shown, and going back asks who did not confirm it', async () => {
    const made = await separated();
    const move = (port: number) =>
      alice.api.patch(`${path}/${made.qID}`, [
        { op: 'replace', path: '/connectionProperties/port', value: port },
      ]);
    const confirm = (destination: string) =>
      alice.api.post(`${path}/${made.qID}/credential/actions/confirm`, { destination });
    const first = (await state(made.qID)).destination;
    await move(there.port);
    const shown = (await state(made.qID)).destination;
    await move(1);
    expect((await confirm(shown)).status).toBe(409);
    expect((await state(made.qID)).confirmedDestinations).toEqual([first]);
    await move(there.port);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await confirm(shown)).status).toBe(200);
    await move(here.port);
    expect((await state(made.qID)).state).toBe('ready');
    await move(there.port);
    expect((await state(made.qID)).state).toBe('ready');
    await move(1);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
  });

  const replace = (at: string, value: unknown) => [{ op: 'replace', path: at, value }];
  const move = (made: { qID: string }, port: number, person = alice) =>
    person.api.patch(`${path}/${made.qID}`, replace('/connectionProperties/port', port));
  /** Her own separated credential, on a connection that another user has pointed elsewhere. */
  const aimedElsewhere = async () => {
    const made = await separated();
    const { credentialId } = await state(made.qID);
    expect((await move(made, there.port, admin)).status).toBe(204);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    return { ...made, credentialId: credentialId as string };
  };
  type Aimed = Awaited<ReturnType<typeof aimedElsewhere>>;
  const choices: [string, (made: Aimed, credentialId: string, person: TestPerson) => Promise<Answer>][] = [
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
    const made = await aimedElsewhere();
    await bob.api.put(`${path}/${made.qID}/credential`, {
      ...{ credentialsName: `bobs ${count}`, connectionProperties: { ...login, username: 'bob' } },
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
    // Of this destination, and of her credential alone.
    expect((await state(made.qID, bob)).state).toBe('needs_confirmation');
    expect((await move(made, there.port, admin)).status).toBe(204);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
    expect(dialled()).toBe(before);
  });

  it('QL1: a create that names one for another host is a confirmation of that host', async () => {
    const made = await separated();
    const { credentialId, destination } = await state(made.qID);
    const body = (person: TestPerson, choice: object) =>
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

  it('QL1: a name that is repeated with another destination, a copy, a move and a bulk update do not count as a choice', async () => {
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

  it('QL1: a choice with If-Match does not cover what has changed since', async () => {
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

  it('TR8: new secrets for a credential are for where the connection points now, and for nowhere else', async () => {
    const made = await separated();
    const { destination: first, credentialId } = await state(made.qID);
    const move = (port: number) =>
      alice.api.patch(`${path}/${made.qID}`, [
        { op: 'replace', path: '/connectionProperties/port', value: port },
      ]);
    await move(there.port);
    const brought = await alice.api.put(`${path}/${made.qID}/credential`, {
      connectionProperties: { username: 'somebody', password: 'canary-of-another-door' },
    });
    expect(brought.body, brought.text).toMatchObject({ state: 'ready', credentialId });
    expect(brought.body.confirmedDestinations).toEqual([brought.body.destination]);
    expect(brought.body.destination).not.toBe(first);
    const before = dialled();
    await move(here.port);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
    expect(dialled()).toBe(before);
  });

  it('X02: a test with other properties uses no stored secret', async () => {
    const made = await separated();
    const { credentialId } = await state(made.qID);
    const elsewhere = { ...definition(), port: there.port };
    const before = dialled();
    const overriding = await alice.api.post(`${path}/actions/test`, {
      datasourceID: 'postgres',
      connectionProperties: {
        ...elsewhere,
        separateCredentials: true,
        selectedCredentials: credentialId,
      },
    });
    expect(overriding.status, overriding.text).toBe(400);
    expect(overriding.body.errors[0].detail).toMatch(/only through a saved connection/);
    const withId = await alice.api.post(`${path}/actions/test`, {
      qID: made.qID,
      datasourceID: 'postgres',
      connectionProperties: elsewhere,
    });
    expect(withId.status, withId.text).toBe(400);
    expect(dialled()).toBe(before);
    await alice.api.post(`${path}/${made.qID}/actions/test`, { connectionProperties: elsewhere });
    expect(there.connections()).toBe(0);
  });
});

describe('QL1: an edit that comes between', () => {
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
