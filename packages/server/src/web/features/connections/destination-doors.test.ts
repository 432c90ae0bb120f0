import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../../testing/api-client.js';
import {
  type DestinationStand,
  type MadeConnection,
  startDestinationStand,
} from './__fixtures__/destination-stand.js';

// Every request that changes where a connection points obeys the rule about destinations.

const path = '/api/v1/data-connections';

describe('a changed destination, by every path', () => {
  let stand: DestinationStand;

  beforeAll(async () => {
    stand = await startDestinationStand();
  });
  afterAll(() => stand.close());

  const statement = (properties: object) => {
    const pairs = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    const all = ['provider=QvOdbcConnectorPackage.exe', 'driver=postgres', ...pairs];
    return `CUSTOM CONNECT TO "${all.join(';')};"`;
  };
  const statementThere = (separateCredentials: boolean) =>
    statement({ ...stand.definition(), port: stand.there.port, separateCredentials });

  const doors: [string, (made: MadeConnection, isSeparated: boolean) => Promise<Answer>][] = [
    ['PATCH of a property', (made) => stand.move(made, stand.there.port)],
    [
      'PATCH of the connect statement',
      ({ qID }, isSeparated) =>
        stand.alice.api.patch(`${path}/${qID}`, [
          { op: 'replace', path: '/qConnectStatement', value: statementThere(isSeparated) },
        ]),
    ],
    [
      'PUT with a connect statement',
      (made, isSeparated) => stand.put(made, isSeparated, { qConnectStatement: statementThere(isSeparated) }),
    ],
  ];

  it.each(doors)(
    'X01, X03: after %s a separated credential waits for confirmation',
    async (_what, change) => {
      const { alice, separated, state, dialled } = stand;
      const made = await separated();
      const before = dialled();
      const answer = await change(made, true);
      expect(answer.status, answer.text).toBe(204);
      expect((await state(made.qID)).state).toBe('needs_confirmation');
      expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
      expect(dialled()).toBe(before);
    },
  );

  it.each(doors)(
    'X01, X03: %s cannot point an embedded connection elsewhere without its credential',
    async (_what, change) => {
      const { here, create, state } = stand;
      const made = await create();
      const answer = await change(made, false);
      expect(answer.status, answer.text).toBe(400);
      expect(answer.body.errors[0].detail).toMatch(/must be sent with this change/);
      const { destination } = await state(made.qID);
      expect(destination).toContain(`port=${here.port}`);
    },
  );

  it('X12: a bulk move keeps the destination and separated credentials; an embedded credential is suspended', async () => {
    const { admin, otherSpaceId, create, separated, state } = stand;
    for (const made of [await separated(), await create()]) {
      const isEmbedded = made.qSeparateCredentials === false;
      const moved = await admin.api.post(`${path}/actions/update`, {
        connections: [{ id: made.qID, spaceId: otherSpaceId, spaceType: 'shared' }],
      });
      expect(moved.status, moved.text).toBe(207);
      expect((await state(made.qID)).state).toBe(isEmbedded ? 'needs_confirmation' : 'ready');
    }
  });

  it('X12: a new owner gets none of the former owner’s credentials', async () => {
    const { bob, admin, create, separated, state, dialled } = stand;
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

  it('X01: an editor who enters a login ends the owner’s embedded one, and points only their own elsewhere', async () => {
    const { there, alice, admin, create, state, move } = stand;
    const made = await create();
    const { credentialId } = await state(made.qID);
    const aimed = await move(made, there.port, admin);
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

  it('X03: a confirmation covers only the destination that was shown, now and after later moves', async () => {
    const { here, there, alice, separated, state, move } = stand;
    const made = await separated();
    const confirm = (destination: string) =>
      alice.api.post(`${path}/${made.qID}/credential/actions/confirm`, { destination });
    const first = (await state(made.qID)).destination;
    await move(made, there.port);
    const shown = (await state(made.qID)).destination;
    await move(made, 1);
    expect((await confirm(shown)).status).toBe(409);
    expect((await state(made.qID)).confirmedDestinations).toEqual([first]);
    await move(made, there.port);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await confirm(shown)).status).toBe(200);
    await move(made, here.port);
    expect((await state(made.qID)).state).toBe('ready');
    await move(made, there.port);
    expect((await state(made.qID)).state).toBe('ready');
    await move(made, 1);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
  });

  it('TR8: new secrets of a credential are allowed only where the connection points now', async () => {
    const { here, there, alice, separated, state, move, dialled } = stand;
    const made = await separated();
    const { destination: first, credentialId } = await state(made.qID);
    await move(made, there.port);
    const entered = await alice.api.put(`${path}/${made.qID}/credential`, {
      connectionProperties: { username: 'somebody', password: 'canary-of-another-door' },
    });
    expect(entered.body, entered.text).toMatchObject({ state: 'ready', credentialId });
    expect(entered.body.confirmedDestinations).toEqual([entered.body.destination]);
    expect(entered.body.destination).not.toBe(first);
    const before = dialled();
    await move(made, here.port);
    expect((await state(made.qID)).state).toBe('needs_confirmation');
    expect((await alice.api.post(`${path}/${made.qID}/actions/test`)).status).toBe(403);
    expect(dialled()).toBe(before);
  });

  it('X02: a test with other properties uses no stored secret', async () => {
    const { definition, there, alice, separated, state, dialled } = stand;
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
