import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRetries } from '../../kit/retries.js';
import { typedInput } from '../../kit/typed-input.js';
import { source } from '../../sources/File_AmazonS3ConnectorV2/source.js';
import {
  failureOf,
  openSession,
  type TestInput,
  type TestRead,
  type TestSession,
} from '../../suite/bench.js';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { createS3Client } from './client.js';
import { s3Options } from './client-options.js';
import type { S3Input } from './properties.js';
import { labBucket, s3Input } from './s3-harness.js';

let lab: LabS3;
let network: DirectNetwork;
const sessions: TestSession[] = [];

beforeAll(async () => {
  lab = await startS3();
});
afterAll(() => lab.close());
beforeEach(() => {
  network = createDirectNetwork();
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  const isIdle = await network.idle(2_000);
  network.close();
  expect(isIdle, 'sockets left open').toBe(true);
});

async function open(input: TestInput, signal = new AbortController().signal): Promise<TestSession> {
  const session = await openSession(source, input, { network, signal });
  sessions.push(session);
  return session;
}

const analyst = (properties: Readonly<Record<string, unknown>> = {}) =>
  open(s3Input(lab.accounts.analyst, { endpoint: lab.url, ...properties }));
const intern = (properties: Readonly<Record<string, unknown>> = {}) =>
  open(s3Input(lab.accounts.intern, { endpoint: lab.url, ...properties }));

async function rowsOf(session: TestSession, path: string[], request: Partial<TestRead> = {}) {
  const stream = await session.read({ path, batchRows: 1_000, ...request });
  const rows = [];
  for await (const batch of stream.batches) rows.push(...batch);
  return { columns: stream.columns.map(({ name }) => name), rows };
}

/** What the client of a session gets. */
function clientInput(): S3Input {
  const { properties, login } = s3Input(lab.accounts.analyst, { endpoint: lab.url });
  const { signIn: method, fields } = login;
  return typedInput(source, { definition: properties, method, fields, settings: {} }) as S3Input;
}

describe('browsing S3', () => {
  it('begins at the buckets, page by page, and goes down through folders', async () => {
    const session = await analyst();
    const first = await session.browse({ path: [], limit: 2 });
    expect(first.items.map(({ name, kind }) => [name, kind])).toEqual([
      ['mooring-lab', 'bucket'],
      ['mooring-lab-archive', 'bucket'],
    ]);
    const second = await session.browse({ path: [], limit: 2, page: first.next ?? '' });
    expect(second).toMatchObject({ items: [{ name: 'mooring-lab-scratch' }] });
    expect(second.next).toBeUndefined();

    const folders = await session.browse({ path: [labBucket], limit: 100 });
    expect(folders.items.map(({ name }) => name)).toEqual(['hostile/', 'many/', 'private/', 'public/']);
    const files = await session.browse({ path: [labBucket, 'public/'], limit: 100 });
    expect(files.items.find(({ name }) => name === 'orders.csv')).toMatchObject({
      kind: 'file',
      path: [labBucket, 'public/', 'orders.csv'],
      readable: true,
      container: false,
      sizeBytes: expect.any(Number),
      modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(files.items.find(({ name }) => name === 'readme.txt')?.readable).toBe(false);
  });

  it('lists every item once over many pages', async () => {
    const session = await analyst({ bucketName: labBucket });
    const names: string[] = [];
    let page: string | undefined;
    do {
      const request = page === undefined ? {} : { page };
      const answer = await session.browse({ path: ['many/'], limit: 500, ...request });
      names.push(...answer.items.map(({ name }) => name));
      page = answer.next;
    } while (page !== undefined);
    expect(names).toHaveLength(1_234);
    expect(new Set(names).size).toBe(1_234);
  });

  it('gives paths back that can be read, whatever characters they have', async () => {
    const session = await analyst({ bucketName: labBucket });
    const { items } = await session.browse({ path: ['public/', 'with space/'], limit: 10 });
    expect(items.map(({ name }) => name)).toEqual(['ærø 大阪 + 100% & more.csv']);
    expect((await rowsOf(session, [...(items[0]?.path ?? [])])).rows).toHaveLength(10);
  });
});

describe('reading S3', () => {
  it('reads the same orders from every text format', async () => {
    const session = await analyst({ bucketName: labBucket });
    const csv = await rowsOf(session, ['public/', 'orders.csv']);
    expect(csv.rows).toHaveLength(10);
    for (const name of ['orders.tsv', 'orders.csv.gz', 'with bom.csv']) {
      expect(await rowsOf(session, ['public/', name]), name).toEqual(csv);
    }
    const json = await rowsOf(session, ['public/', 'orders.json']);
    expect(json.columns).toEqual(csv.columns);
    for (const name of ['orders.ndjson', 'orders.ndjson.gz']) {
      expect(await rowsOf(session, ['public/', name]), name).toEqual(json);
    }
  });

  it('reads Parquet by ranges, row group by row group', async () => {
    const session = await analyst();
    const { rows } = await rowsOf(session, [labBucket, 'public/', 'orders.parquet'], {
      columns: ['big', 'id'],
    });
    expect(rows.map(([, id]) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(rows[0]?.[0]).toBe('9223372036854775807');
  });

  it('D14: streams nine hundred thousand rows and stops at the limit', async () => {
    const session = await analyst({ bucketName: labBucket });
    let count = 0;
    for await (const batch of (await session.read({ path: ['public/', 'big.csv'], batchRows: 1_000 }))
      .batches) {
      expect(batch.length).toBeLessThanOrEqual(1_000);
      count += batch.length;
    }
    expect(count).toBe(900_000);
    expect((await rowsOf(session, ['public/', 'big.csv'], { limit: 1_500 })).rows).toHaveLength(1_500);
  });

  it('D16: refuses hostile files with a kind, and continues', async () => {
    const session = await analyst({ bucketName: labBucket });
    const expected = {
      'bomb.csv.gz': 'too_large',
      'truncated.csv.gz': 'protocol_error',
      'not-a.parquet': 'protocol_error',
      'page.json': 'protocol_error',
      'ragged.csv': 'protocol_error',
    };
    for (const [name, kind] of Object.entries(expected)) {
      expect((await failureOf(rowsOf(session, ['hostile/', name]))).kind, name).toBe(kind);
    }
    await session.ping();
  });

  it('TR17 TR20 TR25: makes one row of hostile text for a limit of one, or refuses it with an error', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
    const objects: [key: string, content: string | Buffer, outcome: string][] = [
      ['wide.csv', `${names.join(',')}\n${'x\n'.repeat(30_000)}`, 'one row'],
      ['equal.csv', `${'a,'.repeat(9_999)}a\n1\n`, 'one row'],
      ['wide.ndjson', `{"${names.join('":1,"')}":1}\n${'{}\n'.repeat(30_000)}`, 'one row'],
      ['wide.json', `[{"${names.join('":1,"')}":1},${'{},'.repeat(20_000)}{}]`, 'one row'],
      ['nested.ndjson', '['.repeat(1_000_000), 'too_large'],
      ['twice.csv.gz', gzipSync(gzipSync('a\n1\n')), 'protocol_error'],
      ['empty.csv.gz', Buffer.alloc(200_000 * 20, gzipSync('')), 'protocol_error'],
    ];
    const Bucket = 'mooring-lab-scratch';
    const client = createS3Client(s3Options(clientInput()), {
      network,
      retries: createRetries(),
    });
    const session = await analyst({ bucketName: Bucket });
    for (const [Key, Body, outcome] of objects) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }));
      const reading = rowsOf(session, [Key], { limit: 1, batchRows: 1_000, isPreview: true });
      if (outcome === 'one row') expect((await reading).rows, Key).toHaveLength(1);
      else expect((await failureOf(reading)).kind, Key).toBe(outcome);
      await client.send(new DeleteObjectCommand({ Bucket, Key }));
    }
    client.destroy();
  });

  it('leaves nothing open when the session is closed while a read is unfinished', async () => {
    const session = await analyst({ bucketName: labBucket });
    await session.read({ path: ['public/', 'big.csv'], batchRows: 10 });
    await session.close();
    expect(await network.idle(2_000)).toBe(true);
    expect((await failureOf(session.ping())).kind).toBe('unreachable');
  });

  it('tells a missing object, a missing bucket, a folder and an unreadable file apart', async () => {
    const session = await analyst();
    const kindOf = async (path: string[]) => (await failureOf(rowsOf(session, path))).kind;
    expect(await kindOf([labBucket, 'public/', 'nope.csv'])).toBe('not_found');
    expect(await kindOf([labBucket, 'public/', 'nope.parquet'])).toBe('not_found');
    expect(await kindOf(['mooring-nope', 'a.csv'])).toBe('not_found');
    expect(await kindOf([labBucket, 'public/'])).toBe('invalid_query');
    expect(await kindOf([])).toBe('invalid_query');
    expect(await kindOf([labBucket, 'public/', 'readme.txt'])).toBe('unsupported');
  });
});

describe('rights on S3', () => {
  it('are those of the keys: no user reads or lists more than they may', async () => {
    const session = await intern({ bucketName: labBucket });
    expect((await rowsOf(session, ['public/', 'orders.csv'])).rows).toHaveLength(10);
    for (const work of [
      () => rowsOf(session, ['private/', 'salaries.csv']),
      () => session.browse({ path: ['private/'], limit: 10 }),
      () => session.browse({ path: [], limit: 10 }),
    ]) {
      const error = await failureOf(work());
      expect([error.kind, error.nativeCode]).toEqual(['permission_denied', 'AccessDenied']);
      expect(error.message).not.toMatch(/salaries|private|mooring-lab/);
    }
  });

  it('are not needed for a ping, but right keys are', async () => {
    await (await intern()).ping();
    await (await intern({ bucketName: labBucket })).ping();
    const { accessKey } = lab.accounts.intern;
    for (const bucket of [{}, { bucketName: labBucket }]) {
      const properties = { endpoint: lab.url, ...bucket };
      const wrong = await open(s3Input({ accessKey, secretKey: 'wrong' }, properties));
      expect(await failureOf(wrong.ping())).toMatchObject({
        kind: 'auth_failed',
        nativeCode: 'SignatureDoesNotMatch',
      });
      const unknown = await open(s3Input({ accessKey: 'NOBODY', secretKey: 'wrong' }, properties));
      expect(await failureOf(unknown.ping())).toMatchObject({
        kind: 'auth_failed',
        nativeCode: 'InvalidAccessKeyId',
      });
    }
  });

  it('S08: end at the bucket that the connection is confined to', async () => {
    const session = await analyst({ bucketName: labBucket });
    const outside = [
      ['..', 'mooring-lab-archive', '2023', 'orders.csv'],
      ['../mooring-lab-archive/2023/orders.csv'],
      ['public/../../mooring-lab-archive/2023/orders.csv'],
      ['./public/orders.csv'],
    ];
    for (const path of outside) {
      expect((await failureOf(rowsOf(session, path))).kind).toBe('invalid_query');
      expect((await failureOf(session.browse({ path, limit: 1 }))).kind).toBe('invalid_query');
    }
    for (const path of [
      ['mooring-lab-archive', '2023/', 'orders.csv'],
      ['//127.0.0.1:9/x.csv'],
      ['%2e%2e/x.csv'],
    ]) {
      expect((await failureOf(rowsOf(session, path))).kind).toBe('not_found');
    }
    const port = new URL(lab.url).port;
    expect(new Set(network.dialled)).toEqual(new Set([`127.0.0.1:${port}`]));
  });

  it('S08: do not let a bucket in a path choose another host', async () => {
    const session = await analyst({ pathStyle: false });
    const buckets = ['arn:aws:s3:us-east-1:123456789012:accesspoint/x', 'evil.example/', 'a@b', 'x y', '..'];
    for (const bucket of buckets) {
      expect((await failureOf(session.browse({ path: [bucket], limit: 1 }))).kind).toBe('invalid_query');
    }
    expect(network.dialled).toEqual([]);
  });
});
