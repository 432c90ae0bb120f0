import type { TestInput } from '../../suite/bench.js';
// The servers for the tests of both S3 sources: the lab's S3 server, and in front of it an endless object for the
// cancellation tests.

import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { hideAll } from '../../kit/secret-fields.js';
import type { ConnectorHarness, StartedSource, TypeExpectation } from '../../suite/connector-harness.js';

/** The lab's bucket with the samples. */
export const labBucket = 'mooring-lab';

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

async function start(): Promise<StartedSource> {
  const lab = await startS3();
  const front = await startFront(lab);
  const properties = { endpoint: front.url, bucketName: labBucket };
  const { analyst } = lab.accounts;
  const isRunning = async () => {
    // One turn of the event loop: a busy poll must not starve the server.
    await setImmediate();
    return front.endless() > 0;
  };
  return {
    good: s3Input(analyst, properties),
    wrongPassword: s3Input({ ...analyst, secretKey: `${analyst.secretKey}wrong` }, properties),
    unreachable: s3Input(analyst, { endpoint: 'http://127.0.0.1:1' }),
    readablePath: ['public/', 'orders.csv'],
    readableRows: notes.length,
    slow: { read: { path: endlessPath }, isRunning },
    types: [{ ...parquetTypes, rows: parquetRows }],
    close: async () => {
      await front.close();
      await lab.close();
    },
  };
}

/** Harness of the contract suite for both S3 sources. */
export const s3Harness: ConnectorHarness = { start, unsupported: ['query'] };
