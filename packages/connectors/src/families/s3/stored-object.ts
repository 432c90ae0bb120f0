import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ConnectorError } from '../../interface/errors.js';
import { openByteReader } from '../files/byte-reader.js';
import type { ByteRanges, StoredFile } from '../files/stored-file.js';
import type { Place } from './paths.js';

function toReadable(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new ConnectorError('protocol_error', 'The source sent no content.');
}

async function collectExactly(body: Readable, length: number): Promise<ArrayBuffer> {
  const bytes = openByteReader(body, false);
  const collected = new Uint8Array(length);
  let at = 0;
  for (let chunk = await bytes.next(); chunk !== undefined; chunk = await bytes.next()) {
    if (at + chunk.length > length) break;
    collected.set(chunk, at);
    at += chunk.length;
  }
  bytes.close();
  if (at !== length)
    throw new ConnectorError('protocol_error', 'The source sent a different range than requested.');
  return collected.buffer;
}

/** An S3 object as a file. Throws the SDK's errors, which the session translates. */
export function storedObject(client: S3Client, { bucket, key }: Place, abortSignal: AbortSignal): StoredFile {
  const place = { Bucket: bucket, Key: key };

  const openRanges = async (): Promise<ByteRanges> => {
    const { ContentLength: byteLength = 0, ETag } = await client.send(new HeadObjectCommand(place), {
      abortSignal,
    });
    const slice = async (start: number, end: number) => {
      if (end <= start) return new ArrayBuffer(0);
      const range = `bytes=${start}-${end - 1}`;
      // Ranges of two versions of an object must never be mixed.
      const version = ETag === undefined ? {} : { IfMatch: ETag };
      const answer = await client.send(new GetObjectCommand({ ...place, ...version, Range: range }), {
        abortSignal,
      });
      const body = toReadable(answer.Body);
      if (answer.ContentRange?.startsWith(`bytes ${start}-`)) return collectExactly(body, end - start);
      body.destroy();
      throw new ConnectorError('unsupported', 'The source does not support range requests.');
    };
    return { byteLength, slice };
  };

  const open = async () => {
    const { Body, ContentEncoding = '' } = await client.send(new GetObjectCommand(place), { abortSignal });
    const isGzip = ContentEncoding.split(',').some((encoding) => encoding.trim().toLowerCase() === 'gzip');
    return { body: toReadable(Body), isGzip };
  };

  return { name: key, signal: abortSignal, open, openRanges };
}
