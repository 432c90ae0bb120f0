import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { destinationCases, type Edit, type SourceCase } from './__fixtures__/destination-cases.js';

// Host, port, proxy, token URL, TLS lowered, CA, region, rename, tags and space, on embedded and separated
// credentials of every source: who must confirm what, and that no connection is opened before.

const path = '/api/v1/data-connections';
const places = { host: '127.0.0.1', port: 1, url: 'http://127.0.0.1:1' };
/** For the names of the tests: the real ports are known only after the listeners have started. */
const namedCases = destinationCases({ here: places, there: places }, '');

describe('X01, X03, X04, X12: updates and their effect on credentials', () => {
  let server: TestServer;
  let here: Canary;
  let there: Canary;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;
  let otherSpaceId: string;
  let cases: SourceCase[];
  let count = 0;

  beforeAll(async () => {
    server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
    [here, there] = [await startCanary(), await startCanary()];
    cases = destinationCases({ here, there }, createCertificateAuthority().ca);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    const spaces = [];
    for (const name of ['One', 'Two']) {
      const space = await alice.api.post('/api/v1/spaces', { name, type: 'shared' });
      const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
      await alice.api.post(`/api/v1/spaces/${space.body.id}/assignments`, member);
      spaces.push(space.body.id);
    }
    [spaceId, otherSpaceId] = spaces as [string, string];
  });
  afterAll(async () => {
    await server.close();
    await Promise.all([here.close(), there.close()]);
  });

  const caseOf = (index: number) => cases[index] as SourceCase;
  const create = async (one: SourceCase, choice: object) => {
    count += 1;
    const body = {
      datasourceID: one.datasourceID,
      qName: `case ${count}`,
      space: spaceId,
      connectionProperties: { ...one.definition, ...one.credential, ...choice },
    };
    const made = await alice.api.post(path, body);
    expect(made.status, made.text).toBe(201);
    return `${path}/${made.body.qID}`;
  };
  const separated = async (one: SourceCase) => {
    const connection = await create(one, { separateCredentials: true, credentialsName: `alices ${count}` });
    const entered = await bob.api.put(`${connection}/credential`, {
      credentialsName: `bobs ${count}`,
      connectionProperties: one.credential,
    });
    expect(entered.status, entered.text).toBe(200);
    return connection;
  };
  // A name is unique in its space.
  const named = (at: string, value: unknown) => (at === '/qName' ? `${value} ${count}` : value);
  const opsOf = ({ changes }: Pick<Edit, 'changes'>) =>
    changes.map(({ path: at, value }) => ({ op: 'add', path: at, value: named(at, value) }));
  const patch = (connection: string, edit: Pick<Edit, 'changes'>) => alice.api.patch(connection, opsOf(edit));
  /** The same properties, as they were. */
  const undone = ({ definition }: SourceCase, { changes }: Edit) => ({
    changes: changes.map(({ path: at }) => ({
      path: at,
      value: definition[at.split('/').at(-1) ?? ''],
    })),
  });
  const stateOf = async (person: TestUser, connection: string) =>
    (await person.api.get(`${connection}/credential`)).body;

  describe.each(namedCases.map(({ datasourceID, edits }, index) => ({ datasourceID, edits, index })))(
    '$datasourceID',
    ({ edits, index }) => {
      const rows = edits.map(({ what, meaning }, place) => ({ what, meaning, place }));

      it.each(rows)('separated, $what: $meaning', async ({ meaning, place }) => {
        const one = caseOf(index);
        const connection = await separated(one);
        const before = await stateOf(bob, connection);
        const dialled = there.connections() + here.connections();
        const answer = await patch(connection, one.edits[place] as Edit);
        expect(answer.status, answer.text).toBe(meaning === 'refuse' ? 400 : 204);
        if (meaning === 'refuse')
          expect(answer.text).toContain((one.edits[place] as Edit).changes[0]?.path.split('/').at(-1));
        for (const person of [alice, bob]) {
          const state = await stateOf(person, connection);
          expect(state.state).toBe(meaning === 'confirm' ? 'needs_confirmation' : 'ready');
          if (meaning !== 'confirm') continue;
          expect(state.destination).not.toBe(before.destination);
          expect(state.confirmedDestinations).toEqual([before.destination]);
          const resolved = await person.api.post(`${connection}/actions/resolve`);
          expect(resolved.body).toMatchObject({ usable: false, state: 'needs_confirmation' });
          const read = await person.api.post(`${connection}/actions/read`, { path: ['one'] });
          expect(read.status).toBe(403);
          const refused = await person.api.post(`${connection}/actions/test`);
          expect(refused.body.errors[0]).toMatchObject({
            code: 'CREDENTIALS-REQUIRED',
            meta: {
              reason: 'needs_confirmation',
              confirm: `${connection}/credential/actions/confirm`,
              destination: state.destination,
              confirmedDestinations: [before.destination],
            },
          });
        }
        expect(there.connections() + here.connections()).toBe(dialled);
        if (meaning !== 'confirm') return;
        const { destination } = await stateOf(bob, connection);
        const wrong = await bob.api.post(`${connection}/credential/actions/confirm`, {
          destination: before.destination,
        });
        expect(wrong.status).toBe(409);
        expect((await bob.api.post(`${connection}/credential/actions/confirm`, { destination })).status).toBe(
          200,
        );
        // Confirming does not turn a password into a token.
        const isOtherSignIn = one.edits[place]?.what === 'auth type';
        expect((await stateOf(bob, connection)).state).toBe(isOtherSignIn ? 'missing' : 'ready');
        expect((await stateOf(alice, connection)).state).toBe('needs_confirmation');
      });

      it.each(rows)('embedded, $what: $meaning', async ({ meaning, place }) => {
        const one = caseOf(index);
        const connection = await create(one, {});
        const dialled = there.connections();
        const change = one.edits[place] as Edit;
        const answer = await patch(connection, change);
        expect(answer.status, answer.text).toBe(meaning === 'keep' ? 204 : 400);
        expect((await stateOf(alice, connection)).state).toBe('ready');
        expect(there.connections()).toBe(dialled);
        if (meaning !== 'confirm') return;
        expect(answer.body.errors[0].detail).toMatch(/must be sent with this change/);
        if (change.again === 'made elsewhere') return;
        const again = Object.entries(change.again ?? one.credential).map(([name, value]) => ({
          op: 'add',
          path: `/connectionProperties/${name}`,
          value,
        }));
        const together = await alice.api.patch(connection, [...opsOf(change), ...again]);
        expect(together.status, together.text).toBe(204);
        expect((await stateOf(alice, connection)).state).toBe('ready');
      });

      it('keeps credentials when the connection moves to another space and back', async () => {
        const connection = await separated(caseOf(index));
        const moved = { changes: [{ path: '/space', value: otherSpaceId }] };
        expect((await patch(connection, moved)).status).toBe(204);
        for (const person of [alice, bob]) expect((await stateOf(person, connection)).state).toBe('ready');
      });

      it('needs no new confirmation when the connection points back to a confirmed destination', async () => {
        const one = caseOf(index);
        const change = one.edits.find(({ meaning }) => meaning === 'confirm');
        if (!change) return;
        const connection = await separated(one);
        expect((await patch(connection, change)).status).toBe(204);
        expect((await patch(connection, undone(one, change))).status).toBe(204);
        for (const person of [alice, bob]) expect((await stateOf(person, connection)).state).toBe('ready');
      });
    },
  );

  it('M: a login that is entered again for another destination is allowed only there', async () => {
    const one = cases.find(({ edits }) => edits.some(({ meaning }) => meaning === 'confirm')) as SourceCase;
    const change = one.edits.find(({ meaning }) => meaning === 'confirm') as Edit;
    const connection = await separated(one);
    expect((await patch(connection, change)).status).toBe(204);
    const entered = await bob.api.put(`${connection}/credential`, { connectionProperties: one.credential });
    expect(entered.status, entered.text).toBe(200);
    expect((await stateOf(bob, connection)).state).toBe('ready');
    expect((await patch(connection, undone(one, change))).status).toBe(204);
    expect((await stateOf(bob, connection)).state).toBe('needs_confirmation');
    expect((await stateOf(alice, connection)).state).toBe('ready');
  });

  it('G6, C1, C2: after a change of the destination a grant stays sealed until its user confirms', async () => {
    const lab = await startAuthorizationServer();
    try {
      const { client, authorizationEndpoint, tokenEndpoint } = lab;
      const definition = {
        url: `${here.url}/items`,
        authSchema: 'oauth2',
        authorizationUrl: authorizationEndpoint,
        tokenUrl: tokenEndpoint,
        scope: 'openid read',
        ...client,
        separateCredentials: true,
      };
      const body = { datasourceID: 'rest', qName: 'by grant', space: spaceId };
      const begun = await alice.api.post(path, {
        ...body,
        authUrlOnly: true,
        connectionProperties: definition,
      });
      expect(begun.status, begun.text).toBe(201);
      lab.addRedirectUri(new URL(begun.body.authUrl).searchParams.get('redirect_uri') ?? '');
      const { login, password } = lab.users[0];
      const page = await walkSignIn({ authUrl: begun.body.authUrl, login, password });
      const authCode = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1];
      const made = await alice.api.post(path, { ...body, connectionProperties: { ...definition, authCode } });
      expect(made.status, made.text).toBe(201);
      const connection = `${path}/${made.body.qID}`;
      lab.expireAccessTokens();
      lab.resetCounts();
      const [before, dialled] = [there.connections(), here.connections()];
      const moved = { path: '/connectionProperties/url', value: `${there.url}/items` };
      expect((await patch(connection, { changes: [moved] })).status).toBe(400);
      // The connection's own secret is bound to the destination too, so it is sent again.
      const secret = { op: 'add', path: '/connectionProperties/clientSecret', value: client.clientSecret };
      const answer = await alice.api.patch(connection, [{ op: 'add', ...moved }, secret]);
      expect(answer.status, answer.text).toBe(204);
      const refused = await alice.api.post(`${connection}/actions/test`);
      expect(refused.body.errors[0].meta).toMatchObject({ reason: 'needs_confirmation' });
      expect(lab.counts().token.refresh_token).toBe(0);
      expect([there.connections(), here.connections()]).toEqual([before, dialled]);
      const { destination } = refused.body.errors[0].meta;
      await alice.api.post(`${connection}/credential/actions/confirm`, { destination });
      // The listener resets every connection; the test counts the attempt.
      expect((await alice.api.post(`${connection}/actions/test`)).status).toBe(200);
      expect(there.connections()).toBeGreaterThan(before);
    } finally {
      await lab.close();
    }
  });

  it('X12: deleting a separated connection keeps every user’s credentials, and gives none to another user', async () => {
    const connection = await separated(caseOf(0));
    const mine = await stateOf(bob, connection);
    expect((await alice.api.delete(connection)).status).toBe(204);
    const credential = `/api/v1/data-credentials/${mine.credentialId}`;
    expect((await bob.api.get(credential)).body.qConnCount).toBe(0);
    expect((await alice.api.get(credential)).status).toBe(404);
    const adopted = await alice.api.post(path, {
      datasourceID: caseOf(0).datasourceID,
      qName: 'adopted',
      connectionProperties: {
        ...caseOf(0).definition,
        separateCredentials: true,
        selectedCredentials: mine.credentialId,
      },
    });
    expect(adopted.status).toBe(404);
  });
});
