// The harness of both S3 sources: the lab's S3 server, and in front of it an endless object for the cancellation tests.

import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { hideAll } from '../../kit/secret-fields.js';
import type { TestInput } from '../../suite/bench.js';
import type {
  Connection,
  Destinations,
  Places,
  SourceHarness,
  StartedSource,
  TypeExpectation,
} from '../../suite/harness.js';
import { startTellingHttp } from '../../suite/telling-servers.js';

/** The lab's bucket with the samples. */
export const labBucket = 'mooring-lab';

const readablePath = ['public/', 'orders.csv'];
const endlessPath = ['public/', 'endless.csv'];

export interface S3Front {
  url: string;
  /** Number of endless responses in flight. */
  endless(): number;
  close(): Promise<void>;
}

function listen(listener: RequestListener): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(listener);
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Forwards everything except the endless object to the lab unchanged (the signature covers the Host header). */
async function startFront(lab: LabS3): Promise<S3Front> {
  let endless = 0;
  const server = await listen((request, response) => {
    if (request.url?.split('?')[0]?.endsWith(`/${endlessPath.join('')}`)) {
      endless += 1;
      response.once('close', () => {
        endless -= 1;
      });
      response.writeHead(200, { 'content-type': 'text/csv' });
      // More lines than the sample that determines the dialect.
      response.write(`id,name\n${'1,one\n'.repeat(200)}`);
      return;
    }
    const { hostname, port } = new URL(lab.url);
    const onward = httpRequest(
      { hostname, port, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
        response.once('close', () => answer.destroy());
      },
    );
    onward.once('error', () => response.destroy());
    request.pipe(onward);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    endless: () => endless,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An input as the service builds it: definition validated with defaults, keys opened. */
export function s3Input(
  keys: { accessKey: string; secretKey: string },
  properties: Readonly<Record<string, unknown>>,
): TestInput {
  return {
    properties: { region: 'us-east-1', storeSseHeader: 'AES256', ...properties },
    login: { signIn: 'access-key', fields: hideAll({ ...keys }) },
  };
}

const parquetTypes: TypeExpectation = {
  title: 'Parquet',
  read: { path: ['public/', 'orders.parquet'] },
  columns: [
    { name: 'id', type: 'integer' },
    { name: 'customer', type: 'string' },
    { name: 'big', type: 'bigint' },
    { name: 'price', type: 'float' },
    { name: 'ratio', type: 'float' },
    { name: 'paid', type: 'boolean' },
    { name: 'ordered_at', type: 'timestamp' },
    { name: 'note', type: 'string' },
    { name: 'details', type: 'json' },
    { name: 'raw', type: 'bytes' },
  ],
  rows: [],
};

const notes = [
  null,
  '',
  'plain',
  'comma, here',
  'a "quoted" word',
  'two\nlines',
  'tab\there',
  'grinning 😀',
  'ærø 大阪',
  "O'Neill",
];

const parquetRows = notes.map((note, index) => [
  index + 1,
  `Customer ${index + 1}`,
  String(9223372036854775807n - BigInt(index)),
  Math.round((index + 1) * 1050) / 100,
  (index + 1) / 4,
  index % 3 !== 0,
  `2024-03-${String(index + 1).padStart(2, '0')}T08:00:00Z`,
  note,
  { id: index + 1, tags: ['a', 'b'] },
  Buffer.from([index + 1, 0, 255]).toString('base64'),
]);

/** Nothing listens there. */
const closed = 'http://127.0.0.1:9';

const destinations = ({ here, there, certificate }: Places): Destinations => ({
  definition: { endpoint: here.url, region: 'us-east-1', bucketName: 'one', pathStyle: true },
  credential: { accessKey: 'AKIAEXAMPLE', secretKey: 'canary-matrix', sessionToken: 'canary-token' },
  edits: [
    { what: 'host', meaning: 'confirm', change: { endpoint: `http://localhost:${here.port}` } },
    { what: 'port', meaning: 'confirm', change: { endpoint: there.url } },
    { what: 'path of the endpoint', meaning: 'keep', change: { endpoint: `${here.url}/` } },
    {
      what: 'TLS lowered',
      meaning: 'confirm',
      change: { endpoint: here.url.replace('http:', 'https:') },
    },
    {
      what: 'CA replaced',
      meaning: 'confirm',
      change: { rootCertificates: [{ name: 'ca.pem', value: certificate }] },
    },
    { what: 'bucket in the host name', meaning: 'confirm', change: { pathStyle: false } },
    { what: 'region', meaning: 'keep', change: { region: 'eu-central-1' } },
    { what: 'bucket', meaning: 'keep', change: { bucketName: 'two' } },
    {
      what: 'files and encryption',
      meaning: 'keep',
      change: { file: { delimiter: ';' }, storeSseHeader: 'AES256' },
    },
  ],
});

async function start(): Promise<StartedSource> {
  const lab = await startS3();
  const [front, telling] = [await startFront(lab), await startTellingHttp()];
  const { analyst } = lab.accounts;
  const connection = (name: string, change: object = {}): Connection => ({
    name,
    properties: { endpoint: front.url, bucketName: labBucket, ...analyst, ...change },
  });
  return {
    good: [
      connection('one bucket'),
      {
        ...connection('all buckets', { bucketName: undefined }),
        target: { path: [labBucket, ...readablePath] },
      },
    ],
    wrong: connection('wrong', { secretKey: `${analyst.secretKey}wrong` }),
    unreachable: connection('unreachable', { endpoint: closed }),
    refused: (fresh) => {
      const keys = () => ({
        accessKey: fresh.plain('access'),
        secretKey: fresh.awkward('secret'),
        sessionToken: fresh.plain('session'),
      });
      return [
        connection('wrong', { secretKey: fresh.awkward('wrong') }),
        connection('unknown', keys()),
        // Only the access key travels; the bucket is the status that the server answers with.
        connection('telling', { endpoint: telling.url, bucketName: '403', ...keys() }),
        connection('closed', { endpoint: closed, ...keys() }),
      ];
    },
    readable: { path: readablePath, rows: notes.length },
    file: { header: false },
    slow: {
      read: { path: endlessPath },
      async isRunning() {
        // One turn of the event loop: a busy poll must not starve the server.
        await setImmediate();
        return front.endless() > 0;
      },
    },
    types: [{ ...parquetTypes, rows: parquetRows }],
    async close() {
      await front.close();
      await telling.close();
      await lab.close();
    },
  };
}

export const s3Harness: SourceHarness = { destinations, start };
