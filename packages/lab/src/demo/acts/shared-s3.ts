import { expectEqual, expectMatch, listAt, textAt, valueAt } from '../expectations.js';
import type { Stage } from '../stage.js';
import type { User, Walk } from '../walk.js';
import type { Team } from './team.js';

const connections = '/api/v1/data-connections';
const credentials = '/api/v1/data-credentials';
const connectionShown = ['qID', 'qName', 'datasourceID', 'qSeparateCredentials', 'qCredentialsID', 'space'];

/** Members of the documented reply to a look-up by name, no more and no less. */
const credentialMembers = [
  'connectionId',
  'created',
  'datasourceID',
  'links',
  'qConnCount',
  'qID',
  'qName',
  'qSeparated',
  'qType',
  'updated',
];

/** What the steps of this act know of each other. */
interface Context {
  walk: Walk;
  alice: User;
  spaceId: string;
  s3: Stage['lab']['s3'];
  url: string;
}

const place = ({ s3 }: Context, bucketName: string) => ({
  region: s3.region,
  bucketName,
  endpoint: s3.url,
});

async function firstConnection(context: Context): Promise<string> {
  const { walk, alice, spaceId, s3 } = context;
  const { accessKey, secretKey } = s3.accounts.analyst;
  return walk.step(
    'A1  Alice connects to S3 with her keys',
    'the keys are her credential; the connection stores no key',
    async (step) => {
      const { body } = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: {
          dataSourceId: 'File_AmazonS3Connector',
          qName: 'Orders bucket',
          space: spaceId,
          connectionProperties: {
            accessKey,
            secretKey,
            separateCredentials: 'true',
            credentialsName: 'serviceAccount123',
            ...place(context, 'mooring-lab'),
          },
        },
        show: connectionShown,
      });
      expectEqual('qSeparateCredentials', valueAt(body, 'qSeparateCredentials'), true);
      expectEqual('qCredentialsName', valueAt(body, 'qCredentialsName'), 'serviceAccount123');
      expectEqual('space', valueAt(body, 'space'), spaceId);
      return textAt(body, 'qID');
    },
  );
}

async function readParquet({ walk, alice }: Context, connectionId: string): Promise<void> {
  await walk.step('Alice reads a Parquet file through it', 'three rows, typed columns', async (step) => {
    const { body } = await step.call(alice, `POST ${connections}/${connectionId}/actions/preview`, {
      status: 200,
      body: { path: ['public', 'orders.parquet'], columns: ['id', 'customer', 'price', 'paid'], limit: 3 },
    });
    expectEqual('rows', listAt(body, 'rows'), [
      [1, 'Customer 1', 10.5, false],
      [2, 'Customer 2', 21, true],
      [3, 'Customer 3', 31.5, true],
    ]);
    expectEqual('truncated', valueAt(body, 'truncated'), true);
  });
}

async function findByName({ walk, alice, url }: Context): Promise<string> {
  return walk.step(
    'A2  Alice finds her credential by name',
    'exactly the documented members, and no secret',
    async (step) => {
      const { body } = await step.call(alice, `GET ${credentials}/serviceAccount123?byCredentialName=true`, {
        status: 200,
      });
      const id = textAt(body, 'qID');
      expectEqual('members', Object.keys(body as object).toSorted(), credentialMembers);
      expectEqual('connectionId', valueAt(body, 'connectionId'), '');
      expectEqual('qName', valueAt(body, 'qName'), 'serviceAccount123');
      expectEqual('qSeparated', valueAt(body, 'qSeparated'), 1);
      expectEqual('qConnCount', valueAt(body, 'qConnCount'), 1);
      expectEqual('qType', valueAt(body, 'qType'), 'QvWebStorageProviderConnectorPackage.exe');
      expectEqual('datasourceID', valueAt(body, 'datasourceID'), 'File_AmazonS3Connector');
      expectEqual('links', valueAt(body, 'links'), {
        self: { href: `${url}/v1/data-credentials/${id}` },
      });
      return id;
    },
  );
}

async function reuse(context: Context, credentialId: string): Promise<string> {
  const { walk, alice, spaceId } = context;
  return walk.step(
    'A3  Alice reuses it for another bucket',
    'three rows from there, without sending a key again',
    async (step) => {
      const created = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: {
          dataSourceId: 'File_AmazonS3Connector',
          qName: 'Orders archive',
          space: spaceId,
          connectionProperties: {
            ...place(context, 'mooring-lab-archive'),
            separateCredentials: 'true',
            selectedCredentials: credentialId,
          },
        },
        show: connectionShown,
      });
      expectEqual('qCredentialsID', valueAt(created.body, 'qCredentialsID'), credentialId);
      const id = textAt(created.body, 'qID');
      const rows = await step.call(alice, `POST ${connections}/${id}/actions/read`, {
        status: 200,
        accept: 'text/csv',
        body: { path: ['2023', 'orders.csv'], columns: ['id', 'customer', 'product'] },
      });
      expectMatch('CSV', rows.text, /^id,customer,product\r?\n1,Customer 1,Anchor\r?\n2,/);
      expectEqual('trailer Mooring-Stream', rows.streamTrailer, 'complete');
      return id;
    },
  );
}

async function deleteSeparated({ walk, alice }: Context, ids: readonly string[], credentialId: string) {
  await walk.step(
    'A4  Alice deletes both connections',
    'her credential remains until she deletes it',
    async (step) => {
      for (const id of ids) await step.call(alice, `DELETE ${connections}/${id}`, { status: 204 });
      const show = ['qID', 'qName', 'qConnCount'];
      const left = await step.call(alice, `GET ${credentials}/${credentialId}`, { status: 200, show });
      expectEqual('qConnCount', valueAt(left.body, 'qConnCount'), 0);
      const orphans = await step.call(alice, `POST ${credentials}/actions/filter-orphan`, {
        status: 200,
        body: { datasourceID: 'File_AmazonS3Connector', qSeparated: 1 },
        show: ['count', 'data.qID', 'data.qName', 'data.datasourceID'],
      });
      expectEqual('count', valueAt(orphans.body, 'count'), 1);
      expectEqual('orphan', valueAt(orphans.body, 'data.0.qID'), credentialId);
      await step.call(alice, `DELETE ${credentials}/${credentialId}`, { status: 204 });
      await step.call(alice, `GET ${credentials}/${credentialId}`, { status: 404 });
    },
  );
}

async function deleteEmbedded(context: Context): Promise<void> {
  const { walk, alice, s3 } = context;
  await walk.step(
    'A4  Alice deletes one with embedded keys',
    'its credential is deleted with it',
    async (step) => {
      const connectionProperties = { ...s3.accounts.analyst, ...place(context, 'mooring-lab') };
      const created = await step.call(alice, `POST ${connections}`, {
        status: 201,
        body: { dataSourceId: 'File_AmazonS3Connector', qName: 'My bucket', connectionProperties },
        show: connectionShown,
      });
      const credentialId = textAt(created.body, 'qCredentialsID');
      await step.call(alice, `DELETE ${connections}/${textAt(created.body, 'qID')}`, { status: 204 });
      await step.call(alice, `GET ${credentials}/${credentialId}`, { status: 404 });
    },
  );
}

/** The documented flows A1 to A4, on S3, with reads in between that prove the credential works. */
export async function shareS3(walk: Walk, { lab, mooring }: Stage, { alice, spaceId }: Team): Promise<void> {
  const context: Context = { walk, alice, spaceId, s3: lab.s3, url: mooring.url };
  const first = await firstConnection(context);
  await readParquet(context, first);
  const credentialId = await findByName(context);
  const second = await reuse(context, credentialId);
  await deleteSeparated(context, [first, second], credentialId);
  await deleteEmbedded(context);
}
