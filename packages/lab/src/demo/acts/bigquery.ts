import { signInWithBrowser } from '../browser-visit.js';
import { expectEqual, listAt, Mismatch, textAt, valueAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { Step, User, Walk } from '../walk.js';
import type { Team } from './team.js';

const connections = '/api/v1/data-connections';
const query = 'SELECT id, owner, product, price FROM sales.orders';

interface Context extends Team {
  walk: Walk;
  stage: Stage;
}

async function readOwners(step: Step, user: User, id: string): Promise<unknown[]> {
  const answer = await step.call(user, `POST ${connections}/${id}/actions/read`, {
    status: 200,
    accept: 'application/x-ndjson',
    body: { query },
  });
  expectEqual('trailer Mooring-Stream', answer.streamTrailer, 'complete');
  const lines = answer.text.trimEnd().split('\n');
  return lines.map((line) => valueAt(JSON.parse(line), 'owner'));
}

/** Who BigQuery says asked for the last query. */
const lastJob = ({ lab }: Stage) => {
  const job = lab.bigquery.jobs().at(-1);
  return { sub: job?.sub, query: job?.query };
};

async function look({ walk, alice }: Context, id: string): Promise<void> {
  await walk.step('Alice tests the connection', 'her grant works at BigQuery', async (step) => {
    const { body } = await step.call(alice, `POST ${connections}/${id}/actions/test`, { status: 200 });
    expectEqual('ok', valueAt(body, 'ok'), true);
  });
  await walk.step('Alice browses it', 'the datasets, and the tables of one of them', async (step) => {
    const names = async (path: readonly string[]) => {
      const { body } = await step.call(alice, `POST ${connections}/${id}/actions/browse`, {
        status: 200,
        body: { path, limit: 7 },
      });
      return listAt(body, 'items').map((item) => valueAt(item, 'name'));
    };
    const datasets = await names([]);
    if (!datasets.includes('sales')) throw new Mismatch('datasets', 'also sales', datasets);
    const tables = await names(['sales']);
    if (!tables.includes('orders')) throw new Mismatch('tables', 'also orders', tables);
  });
}

async function readData({ walk, alice, stage }: Context, id: string): Promise<void> {
  await walk.step('Alice previews a table', 'two rows, and a note that there are more', async (step) => {
    const { body } = await step.call(alice, `POST ${connections}/${id}/actions/preview`, {
      status: 200,
      body: { path: ['sales', 'orders'], columns: ['id', 'owner', 'product'], limit: 2 },
    });
    const owners = listAt(body, 'rows').map((row) => valueAt(row, '1'));
    expectEqual('owners', owners, ['alice', 'alice']);
    expectEqual('truncated', valueAt(body, 'truncated'), true);
  });
  await walk.step('Alice runs a query', 'five rows; for BigQuery, the user is alice', async (step) => {
    expectEqual('owners', await readOwners(step, alice, id), Array(5).fill('alice'));
    const job = lastJob(stage);
    step.say('·', `BigQuery ran for ${job.sub}: ${job.query}`);
    expectEqual('who BigQuery saw', job, { sub: 'alice', query });
  });
}

async function makeSeparated({ walk, alice, spaceId, stage }: Context): Promise<string> {
  return walk.step(
    'Alice shares it with separate sign-ins',
    'the connection does not hold her grant',
    async (step) => {
      const { body } = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: {
          dataSourceId: 'gbq',
          qName: 'Orders in BigQuery, each with their own sign-in',
          space: spaceId,
          connectionProperties: {
            OAuthMechanism: '1',
            Catalog: stage.lab.bigquery.projectId,
            separateCredentials: 'true',
          },
        },
        show: ['qID', 'qName', 'qSeparateCredentials', 'qCredentialsID'],
      });
      expectEqual('qCredentialsID', valueAt(body, 'qCredentialsID'), undefined);
      return textAt(body, 'qID');
    },
  );
}

async function letBobSignIn({ walk, bob, stage }: Context, id: string): Promise<void> {
  const { secrets } = stage;
  const [, { login, password }] = stage.lab.authorizationServer.users;
  await walk.step(
    'Bob is asked to sign in, does, and reads',
    'three rows; for BigQuery, the user is bob',
    async (step) => {
      const refusal = await step.call(bob, `POST ${connections}/${id}/actions/read`, {
        status: 403,
        body: { query },
      });
      expectEqual('code', valueAt(refusal.body, 'errors.0.code'), 'CREDENTIALS-REQUIRED');
      expectEqual('reason', valueAt(refusal.body, 'errors.0.meta.reason'), 'missing');
      const authUrl = textAt(refusal.body, 'errors.0.meta.signIn.authUrl');
      const authCode = await signInWithBrowser(step, { authUrl, login, password, secrets });
      const added = await step.call(bob, `PUT ${textAt(refusal.body, 'errors.0.meta.bring')}`, {
        status: 200,
        body: { credentialsName: 'Bob at Google', connectionProperties: { authCode } },
        show: ['state', 'credentialsName', 'separated'],
      });
      expectEqual('state', valueAt(added.body, 'state'), 'ready');
      expectEqual('owners', await readOwners(step, bob, id), Array(3).fill('bob'));
      expectEqual('who BigQuery saw', lastJob(stage), { sub: 'bob', query });
    },
  );
}

/** BigQuery under the grant of an interactive sign-in, and a second user with their own sign-in. */
export async function useBigQuery(walk: Walk, stage: Stage, team: Team, id: string): Promise<void> {
  const context: Context = { ...team, walk, stage };
  await look(context, id);
  await readData(context, id);
  await letBobSignIn(context, await makeSeparated(context));
}
