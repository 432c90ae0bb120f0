import type { OutgoingHttpHeaders } from 'node:http';
import type { Abilities } from '@mooring/connectors/interface/abilities';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { readConnection } from '@mooring/contract/routes/use';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import type { Finding } from '../../../core/sessions/finding.js';
import { attachment } from '../../../core/streams/attachment.js';
import { type ReplyOutcome, sendRows } from '../../../core/streams/row-reply.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';
import { assertPath, defined } from './request-checks.js';

// A file as the source stores it, whole or a range.

type Body = z.output<typeof readConnection.body>;
type Stored = Extract<Finding, { kind: 'stored' }>;

const ofRows = [
  'query',
  'parameters',
  'columns',
  'asText',
  'file',
  'where',
  'orderBy',
  'limit',
  'header',
] as const;

/**
 * Only a path and a range, of a source that has files.
 * @throws InvalidRequest
 * @throws ConnectorError `unsupported`; nothing was sent to the source
 */
export function assertBytes(asked: Body & { header?: boolean | undefined }, abilities: Abilities): void {
  if (!abilities.bytes) {
    throw new ConnectorError('unsupported', 'This data source has no files to read as bytes.', {
      remedy: 'Read its rows: accept NDJSON, CSV or Arrow.',
    });
  }
  for (const name of ofRows) {
    if (asked[name] !== undefined) throw invalidField(name, 'is only for rows; bytes have path and range');
  }
  if (asked.path === undefined) throw invalidField('path', 'is required');
  assertPath(asked.path, abilities);
}

/** RFC 9110 section 8.8.3, and no longer than a header should be. */
const isEtag = (text: string): boolean => /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/.test(text);

/** @throws AppError QUOTA-EXCEEDED when the operator's limit would cut it off */
function assertWithin(length: number | undefined, bytesMax: number): void {
  if (bytesMax === 0 || length === undefined || length <= bytesMax) return;
  throw new AppError(
    'QUOTA-EXCEEDED',
    `These are ${length} bytes, more than limits.readBytes (${bytesMax}). Read them in ranges, or have the operator raise the limit.`,
    { meta: { cap: 'bytes', bytes: length } },
  );
}

/** Headers of the file. Its type is not the source's to choose, so that no browser runs it in the name of this server. */
function headOf({ name, size, range, etag }: Stored, bytesMax: number): OutgoingHttpHeaders {
  const length = range ? range.to - range.from + 1 : size;
  assertWithin(length, bytesMax);
  return {
    'Content-Disposition': attachment(name),
    ...(length === undefined ? {} : { 'Content-Length': length }),
    ...(range ? { 'Content-Range': `bytes ${range.from}-${range.to}/${size ?? '*'}` } : {}),
    ...(etag !== undefined && isEtag(etag) ? { ETag: etag } : {}),
  };
}

/** Streams the bytes and resolves when the answer has ended, whatever ended it. */
export async function streamBytes(
  { config: { limits } }: Pick<UseDependencies, 'config'>,
  use: PreparedUse,
  { body: { path = [], range }, reply }: { body: Body; reply: FastifyReply },
  stop: AbortController,
): Promise<ReplyOutcome> {
  const { readBytes: bytesMax, readSeconds: secondsMax, idleSeconds } = limits;
  const asked = defined({ path, range: range && { from: range[0], to: range[1] } });
  const task = { kind: 'bytes' as const, request: asked, caps: { bytesMax, secondsMax, idleSeconds } };
  let stored: Stored | undefined;
  const onFound = (finding: Finding) => {
    if (finding.kind === 'stored') stored = finding;
  };
  return sendRows({
    response: reply.raw,
    format: 'bytes',
    stop,
    idleSeconds,
    rows: use.entry.work({ ...use, signal: stop.signal }, task, onFound),
    beforeHead() {
      if (!stored) throw new ConnectorError('protocol_error', 'The source named no file.');
      const head = headOf(stored, bytesMax);
      const headers = reply.getHeaders() as OutgoingHttpHeaders;
      // From here on the answer bypasses the framework, so its headers are copied.
      reply.hijack();
      return { ...headers, ...head };
    },
  });
}
