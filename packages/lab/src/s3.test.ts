import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleOrders } from './s3/samples.js';
import { type LabS3, type S3Account, startS3 } from './s3.js';

const Bucket = 'mooring-lab';

let lab: LabS3;
const clients: S3Client[] = [];
beforeAll(async () => {
  lab = await startS3();
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await lab?.close();
});

function clientFor(account: S3Account, region: string = lab.region): S3Client {
  const credentials = { accessKeyId: account.accessKey, secretAccessKey: account.secretKey };
  const client = new S3Client({
    endpoint: lab.url,
    region,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
  });
  clients.push(client);
  return client;
}

async function textOf(client: S3Client, Key: string, Range?: string): Promise<string> {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...(Range ? { Range } : {}) }));
  return (await answer.Body?.transformToString()) ?? '';
}

async function listed(
  client: S3Client,
  input: { Prefix?: string; Delimiter?: string; StartAfter?: string },
  pageSize: number,
) {
  const names: string[] = [];
  for await (const page of paginateListObjectsV2({ client, pageSize }, { Bucket, ...input })) {
    const rows = [
      ...(page.Contents ?? []).map(({ Key }) => Key),
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
    ];
    expect(rows.length).toBeLessThanOrEqual(pageSize);
    names.push(...rows.map(String));
  }
  return names;
}

describe('the S3 of the lab', () => {
  it('lists buckets and reads every sample with the AWS SDK', async () => {
    const client = clientFor(lab.accounts.analyst);
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(lab.buckets);
    expect(JSON.parse(await textOf(client, 'public/orders.json'))).toEqual(sampleOrders);
    expect(await textOf(client, 'public/with space/ærø 大阪 + 100% & more.csv')).toContain('grinning 😀');
    const parquet = await client.send(new GetObjectCommand({ Bucket, Key: 'public/orders.parquet' }));
    const bytes = (await parquet.Body?.transformToByteArray()) ?? new Uint8Array();
    expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('PAR1');
    await expect(textOf(client, 'public/none')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('pages through more than a thousand keys and through folders without losing or repeating one', async () => {
    const client = clientFor(lab.accounts.analyst);
    const many = await listed(client, { Prefix: 'many/' }, 1000);
    expect(many).toHaveLength(1234);
    expect(new Set(many).size).toBe(1234);
    for (const pageSize of [1, 2, 3, 7]) {
      const names = await listed(client, { Delimiter: '/' }, pageSize);
      expect(names).toEqual(['hostile/', 'many/', 'private/', 'public/']);
      const below = await listed(client, { Prefix: 'public/', Delimiter: '/' }, pageSize);
      expect(below).toContain('public/with space/');
      expect(new Set(below).size).toBe(below.length);
      expect(below).toHaveLength(13);
    }
    const after = await listed(client, { StartAfter: 'public/readme.txt' }, 10);
    expect(after.every((name) => name > 'public/readme.txt')).toBe(true);
    const encoded = await client.send(
      new ListObjectsV2Command({ Bucket, Prefix: 'public/with', EncodingType: 'url' }),
    );
    expect(encoded.Contents?.[1]?.Key).toContain(encodeURIComponent('大阪'));
  });

  it('answers ranges like S3, also of the object that is generated while it is read', async () => {
    const client = clientFor(lab.accounts.analyst);
    const whole = await textOf(client, 'public/big.csv');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'public/big.csv' }));
    expect(head.ContentLength).toBe(whole.length);
    expect(whole.length).toBeGreaterThan(45_000_000);
    const lines = whole.split('\n');
    expect(lines).toHaveLength(900_002);
    expect(lines[900_000]).toMatch(/^00899999,name 00899999,/);
    for (const [start, end] of [
      [0, 9],
      [10, 30],
      [54_999, 110_100],
      [whole.length - 5, whole.length - 1],
    ] as const) {
      expect(await textOf(client, 'public/big.csv', `bytes=${start}-${end}`)).toBe(
        whole.slice(start, end + 1),
      );
    }
    expect(await textOf(client, 'public/big.csv', 'bytes=-11')).toBe(whole.slice(-11));
    await expect(textOf(client, 'public/big.csv', `bytes=${whole.length}-`)).rejects.toMatchObject({
      name: 'InvalidRange',
    });
  });

  it('refuses a wrong secret, an unknown key, a wrong region, a tampered request and no signature', async () => {
    const { analyst, intern } = lab.accounts;
    const list = (client: S3Client) => client.send(new ListObjectsV2Command({ Bucket }));
    const wrong = clientFor({ accessKey: analyst.accessKey, secretKey: intern.secretKey });
    await expect(list(wrong)).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      $metadata: { httpStatusCode: 403 },
    });
    const unknown = clientFor({ accessKey: 'NOBODY', secretKey: 'x' });
    await expect(list(unknown)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await expect(list(clientFor(analyst, 'eu-north-1'))).rejects.toMatchObject({
      name: 'AuthorizationHeaderMalformed',
    });
    const tampering = clientFor(intern);
    tampering.middlewareStack.add(
      (next) => async (args) => {
        (args.request as { query: Record<string, string> }).query['prefix'] = 'private/';
        return await next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'tamper' },
    );
    const tampered = tampering.send(new ListObjectsV2Command({ Bucket, Prefix: 'public/' }));
    await expect(tampered).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    const anonymous = await fetch(`${lab.url}/${Bucket}/public/orders.csv`);
    expect(anonymous.status).toBe(403);
    expect(await anonymous.text()).toContain('<Code>AccessDenied</Code>');
  });

  it('lets the intern see public/ of one bucket and nothing else', async () => {
    const client = clientFor(lab.accounts.intern);
    expect(await textOf(client, 'public/orders.csv')).toContain('Anchor');
    expect(await listed(client, { Prefix: 'public/' }, 1000)).toHaveLength(13);
    const refused = [
      client.send(new ListBucketsCommand({})),
      client.send(new ListObjectsV2Command({ Bucket })),
      client.send(new ListObjectsV2Command({ Bucket: 'mooring-lab-archive', Prefix: 'public/' })),
      textOf(client, 'private/salaries.csv'),
      textOf(client, 'public/../private/salaries.csv'),
      client.send(new PutObjectCommand({ Bucket, Key: 'public/new', Body: 'x' })),
    ];
    for (const outcome of await Promise.allSettled(refused)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { $metadata: { httpStatusCode: expect.any(Number) } },
      });
      const { reason } = outcome as PromiseRejectedResult;
      expect(['AccessDenied', 'NoSuchKey']).toContain(reason.name);
    }
  });

  it('takes signed, unsigned and streamed bodies from the analyst into the scratch bucket only', async () => {
    const client = clientFor(lab.accounts.analyst);
    const scratch = 'mooring-lab-scratch';
    const bodies = [Buffer.from('signed'), Readable.from([Buffer.from('stre'), Buffer.from('amed')])];
    for (const [index, Body] of bodies.entries()) {
      const length = index === 1 ? { ContentLength: 8 } : {};
      await client.send(new PutObjectCommand({ Bucket: scratch, Key: `put-${index}`, Body, ...length }));
      const back = await client.send(new GetObjectCommand({ Bucket: scratch, Key: `put-${index}` }));
      expect(await back.Body?.transformToString()).toBe(['signed', 'streamed'][index]);
    }
    const elsewhere = client.send(new PutObjectCommand({ Bucket, Key: 'public/new', Body: 'x' }));
    await expect(elsewhere).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});
