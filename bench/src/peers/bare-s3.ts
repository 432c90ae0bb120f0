import type { Readable } from 'node:stream';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { parse } from 'csv-parse';
import { serveQuestions, taskOf } from './serve-questions.js';

// The SDK reading one object: its bytes counted, or its records parsed by csv-parse and counted.

const { client: options, bucket, key } = taskOf<{ client: S3ClientConfig; bucket: string; key: string }>();
const client = new S3Client(options);

async function readAll(isParsed: boolean): Promise<number> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const body = Body as Readable;
  let count = 0;
  if (isParsed) {
    for await (const _record of body.pipe(parse())) count += 1;
  } else {
    for await (const chunk of body as AsyncIterable<Buffer>) count += chunk.length;
  }
  return count;
}

serveQuestions(async (question) => {
  const before = performance.now();
  const count = await readAll((question as { isParsed: boolean }).isParsed);
  return { count, seconds: (performance.now() - before) / 1000 };
});
