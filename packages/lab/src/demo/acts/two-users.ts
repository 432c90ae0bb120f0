import { arrowMark } from '../answer-text.js';
import { expectEqual, expectMatch, listAt, Mismatch, textAt, valueAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Step, User, Walk } from '../walk.js';
import type { Team } from './team.js';

const connections = '/api/v1/data-connections';
const orders = { path: ['sales', 'orders'], columns: ['id', 'owner', 'customer', 'product', 'price'] };

interface Context extends Team {
  walk: Walk;
  postgres: Stage['lab']['postgres'];
}

/** Rows of an NDJSON answer that must have come whole. */
function rowsOf(answer: { text: string; streamTrailer: string | undefined }) {
  expectEqual('trailer Mooring-Stream', answer.streamTrailer, 'complete');
  const lines = answer.text.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as { id: unknown; owner: unknown });
}

const nameRows = (owner: string, first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `${first + index} of ${owner}`);

async function makeConnection({ walk, alice, spaceId, postgres }: Context): Promise<string> {
  const { host, port, database, ca, roles } = postgres;
  return walk.step(
    'Alice defines a connection for the space',
    'the definition is shared; her login is not part of it',
    async (step) => {
      const { body } = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: {
          dataSourceId: 'postgres',
          qName: 'Orders database',
          space: spaceId,
          connectionProperties: {
            host,
            port,
            db: database,
            sslmode: 'verify-full',
            rootCertificates: [{ name: 'lab-ca.pem', value: ca }],
            separateCredentials: true,
            credentialsName: 'Alice at the orders database',
            username: roles.alice.user,
            password: roles.alice.password,
          },
        },
        show: ['qID', 'qName', 'qSeparateCredentials', 'qCredentialsName', 'privileges'],
      });
      expectEqual('her login in it', textAt(body, 'qConnectStatement').includes(roles.alice.user), false);
      return textAt(body, 'qID');
    },
  );
}

async function testAndRead({ walk, alice }: Context, id: string): Promise<void> {
  await walk.step(
    'Alice tests it',
    'every stage passes, from the host name to the first row',
    async (step) => {
      const { body } = await step.call(alice, `POST ${connections}/${id}/actions/test`, { status: 200 });
      expectEqual('ok', valueAt(body, 'ok'), true);
      const stages = listAt(body, 'stages').map((stage) => valueAt(stage, 'name'));
      for (const name of ['signIn', 'rights', 'firstRow']) {
        if (!stages.includes(name)) throw new Mismatch('stages', `also ${name}`, stages);
      }
    },
  );
  await walk.step('Alice reads the orders', 'five rows, all hers', (step) =>
    readOrders(step, alice, id, nameRows('alice', 1001, 5)),
  );
}

async function readOrders(step: Step, user: User, id: string, expected: readonly string[]): Promise<void> {
  const answer = await step.call(user, `POST ${connections}/${id}/actions/read`, {
    status: 200,
    accept: 'application/x-ndjson',
    body: orders,
  });
  const rows = rowsOf(answer).map(({ id: row, owner }) => `${row} of ${owner}`);
  expectEqual('rows', rows.toSorted(), expected);
}

async function refuseBob({ walk, bob, spaceId }: Context, id: string): Promise<void> {
  await walk.step('Bob sees the connection', 'he may use it; her credential stays hidden', async (step) => {
    const { body } = await step.call(bob, `GET ${connections}?spaceId=${spaceId}`, {
      status: 200,
      show: ['data.qID', 'data.qName', 'data.qSeparateCredentials', 'data.qCredentialsID', 'data.privileges'],
    });
    const list = listAt(body, 'data');
    expectEqual(
      'connections',
      list.map((one) => valueAt(one, 'qID')),
      [id],
    );
    expectEqual('privileges', valueAt(body, 'data.0.privileges'), ['list', 'read']);
    expectEqual('qCredentialsID', valueAt(body, 'data.0.qCredentialsID'), undefined);
    expectEqual('qCredentialsName', valueAt(body, 'data.0.qCredentialsName'), undefined);
  });
  await walk.step(
    'Bob reads without a login of his own',
    'rejected, with the path to add one',
    async (step) => {
      const { body } = await step.call(bob, `POST ${connections}/${id}/actions/read`, {
        status: 403,
        body: orders,
      });
      expectEqual('code', valueAt(body, 'errors.0.code'), 'CREDENTIALS-REQUIRED');
      expectEqual('meta', valueAt(body, 'errors.0.meta'), {
        reason: 'missing',
        connectionId: id,
        dataSourceId: 'postgres',
        bring: `${connections}/${id}/credential`,
      });
    },
  );
}

async function letBobSignIn({ walk, bob, postgres }: Context, id: string): Promise<void> {
  await walk.step(
    'Bob provides his own login',
    'his credential for this connection is ready',
    async (step) => {
      const { user, password } = postgres.roles.bob;
      const { body } = await step.call(bob, `PUT ${connections}/${id}/credential`, {
        status: 200,
        body: {
          credentialsName: 'Bob at the orders database',
          connectionProperties: { username: user, password },
        },
        show: ['state', 'credentialsName', 'credentialId', 'separated'],
      });
      expectEqual('state', valueAt(body, 'state'), 'ready');
    },
  );
  await walk.step(
    'Bob reads the same orders',
    'three rows, all his; none of the five that Alice sees',
    (step) => readOrders(step, bob, id, nameRows('bob', 2001, 3)),
  );
}

async function readOtherFormats({ walk, alice }: Context, id: string): Promise<void> {
  await walk.step('Alice reads again, as CSV and as Arrow', 'still her five rows', async (step) => {
    const request = `POST ${connections}/${id}/actions/read` as const;
    const csv = await step.call(alice, request, { status: 200, accept: 'text/csv', body: orders });
    expectMatch('CSV', csv.text, /^id,owner,customer,product,price\r?\n/);
    expectEqual('lines', csv.text.trimEnd().split('\n').length, 6);
    expectEqual('rows of Bob', csv.text.includes('bob'), false);
    const accept = 'application/vnd.apache.arrow.stream';
    const arrow = await step.call(alice, request, { status: 200, accept, body: orders });
    expectEqual('Arrow stream', arrow.bytes.subarray(0, 4).equals(arrowMark), true);
    expectEqual('trailer Mooring-Stream', arrow.streamTrailer, 'complete');
  });
}

async function showUses({ walk, alice }: Context, id: string): Promise<void> {
  await walk.step(
    'Alice lists the uses of her credential',
    'four uses recorded, all by her',
    async (step) => {
      const state = await step.call(alice, `GET ${connections}/${id}/credential`, {
        status: 200,
        show: ['state', 'credentialId', 'credentialsName'],
      });
      const credentialId = textAt(state.body, 'credentialId');
      const me = await step.call(alice, 'GET /api/v1/users/me', { status: 200, show: ['id', 'name'] });
      const uses = await step.call(alice, `GET /api/v1/data-credentials/${credentialId}/uses`, {
        status: 200,
        show: ['data.at', 'data.userId', 'data.action', 'data.result', 'data.rows'],
      });
      const list = listAt(uses.body, 'data');
      expectEqual('uses', list.map((use) => valueAt(use, 'action')).toSorted(), [
        'read',
        'read',
        'read',
        'test',
      ]);
      const users = new Set(list.map((use) => valueAt(use, 'userId')));
      expectEqual('users', [...users], [textAt(me.body, 'id')]);
    },
  );
}

/** One separated connection, two users, each under their own login. @returns its id. */
export async function serveTwoUsers(walk: Walk, { lab }: Stage, team: Team): Promise<string> {
  const context: Context = { ...team, walk, postgres: lab.postgres };
  const id = await makeConnection(context);
  await testAndRead(context, id);
  await refuseBob(context, id);
  await letBobSignIn(context, id);
  await readOtherFormats(context, id);
  await showUses(context, id);
  return id;
}
