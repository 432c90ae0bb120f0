import type { OutgoingHttpHeaders } from 'node:http';
import type { Column } from '@mooring/connectors/spec/data-types';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { FileOptions } from '@mooring/contract/file-options';
import { readConnection } from '@mooring/contract/routes/use';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Config } from '../../../core/config/config.js';
import { AppError } from '../../../core/errors/app-error.js';
import { errorToldMidway } from '../../../core/errors/coarse.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import type { Finding } from '../../../core/sessions/finding.js';
import { rightGone, type StreamOutcome, sourceLimit } from '../../../core/streams/caps.js';
import { distinctColumns, jsonHeader } from '../../../core/streams/column-names.js';
import { lastWords } from '../../../core/streams/last-words.js';
import { contentTypeOf, negotiate, type StreamFormat } from '../../../core/streams/media-type.js';
import { type BrokenEnding, type ReplyOutcome, sendRows } from '../../../core/streams/row-reply.js';
import { handled, type RequestScope } from '../../http/handler.js';
import { beginUse } from './begin-use.js';
import { finishing, outcomeOf } from './finish-use.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';
import { assertTarget, defined } from './request-checks.js';

type Limits = Config['limits'];

interface ReadRequest {
  body: z.output<typeof readConnection.body>;
  format: StreamFormat;
  reply: FastifyReply;
  signal: AbortSignal;
  traceId: string;
}

/** The error for a read that a limit of the operator cut off. */
function cutByLimit({ cap = 'rows', rows }: StreamOutcome, limits: Limits): AppError {
  const setting = { rows: 'readRows', bytes: 'readBytes', time: 'readSeconds' } as const;
  const limit = `limits.${setting[cap]} (${limits[setting[cap]]})`;
  return new AppError(
    'QUOTA-EXCEEDED',
    `This answer is incomplete: it was cut off after ${rows} rows at ${limit}. Ask for fewer rows or columns, or have the operator raise the limit.`,
    { meta: { cap, rows } },
  );
}

/** What a read is called in the usage log. */
function readResult(outcome: ReplyOutcome): string {
  if (outcome.state === 'failed') return outcomeOf(outcome.error);
  if (outcome.state === 'truncated') return `truncated ${outcome.cap}`;
  return outcome.state === 'left' ? 'cancelled' : 'ok';
}

/** Aborts when the client leaves or the caller loses the right to the use, each with its own reason. */
function stopOf(client: AbortSignal, right: AbortSignal) {
  const stop = new AbortController();
  const leave = () => stop.abort(new ConnectorError('cancelled', 'The client disconnected.'));
  const takeAway = () => stop.abort(rightGone);
  client.addEventListener('abort', leave, { once: true });
  right.addEventListener('abort', takeAway, { once: true });
  const release = () => {
    client.removeEventListener('abort', leave);
    right.removeEventListener('abort', takeAway);
  };
  return { stop, release };
}

function taskOf({ format, body }: ReadRequest, limits: Limits) {
  const { limit } = body;
  const { readRows: rowsMax, readBytes: bytesMax, readSeconds: secondsMax, idleSeconds } = limits;
  return {
    kind: 'read' as const,
    format,
    request: defined({ ...body, limit: sourceLimit(defined({ limit, rowsMax })) }),
    caps: defined({ rowsMax, bytesMax, secondsMax, idleSeconds, limit }),
  };
}

/** Headers of the stream. From here on the answer bypasses the framework, so its headers are copied. */
function takeHead(reply: FastifyReply, columns: readonly Column[], file: FileOptions | undefined) {
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  reply.hijack();
  return {
    ...headers,
    'Mooring-Columns': jsonHeader(distinctColumns(columns)),
    ...(file ? { 'Mooring-File': jsonHeader(file) ?? jsonHeader({ ...file, columnTypes: undefined }) } : {}),
  };
}

/** Streams the rows and resolves when the answer has ended, whatever ended it. */
async function streamRows(
  { config }: UseDependencies,
  use: PreparedUse,
  read: ReadRequest,
  stop: AbortController,
): Promise<ReplyOutcome> {
  const { format, reply, traceId } = read;
  const { limits } = config;
  let columns: readonly Column[] = [];
  let file: FileOptions | undefined;
  const onFound = (finding: Finding) => {
    if (finding.kind === 'described') ({ columns, file } = finding);
  };
  const lastWordsOf = (ending: BrokenEnding) => {
    const error = 'cut' in ending ? cutByLimit(ending.cut, limits) : ending.error;
    const told = use.mayEdit ? error : errorToldMidway(error);
    const item = { ...errorReply(told, traceId).body.errors[0], traceId };
    return lastWords({ format, columns }, item, 'cut' in ending || ending.isAtRow);
  };
  return sendRows({
    response: reply.raw,
    format,
    stop,
    idleSeconds: limits.idleSeconds,
    rows: use.entry.work({ ...use, signal: stop.signal }, taskOf(read, limits), onFound),
    lastWords: lastWordsOf,
    beforeHead: () => takeHead(reply, columns, file),
  });
}

async function readThrough(
  deps: UseDependencies,
  use: PreparedUse,
  read: ReadRequest,
): Promise<typeof handled> {
  const { stop, release } = stopOf(read.signal, use.watch.signal);
  try {
    const outcome = await finishing(deps, use, async () => {
      const value = await streamRows(deps, use, read, stop);
      return { value, outcome: readResult(value), given: { rows: value.rows, bytes: value.bytes } };
    });
    const ended = { connectionId: use.connection.id, state: readResult(outcome), rows: outcome.rows };
    deps.log.info(ended, 'read ended');
    return handled;
  } finally {
    release();
  }
}

/** Streams rows in the format that the client accepts. @throws AppError NOT-ACCEPTABLE */
export async function readRows(
  deps: UseDependencies,
  { qID, withColumns }: { qID: string; withColumns: boolean | undefined },
  body: ReadRequest['body'],
  { caller, request, reply, signal, traceId }: RequestScope,
): Promise<typeof handled> {
  const accepted = negotiate(request.headers.accept);
  const format = accepted === 'ndjson' && withColumns ? 'ndjson-with-columns' : accepted;
  if (!format) {
    const offered = (['ndjson', 'csv', 'arrow'] as const).map(contentTypeOf).join(', ');
    throw new AppError('NOT-ACCEPTABLE', `Accept one of: ${offered}.`);
  }
  const use = {
    caller,
    qID,
    action: 'read' as const,
    what: body,
    signal,
    operation: readConnection.id,
    traceId,
    check: ({ capabilities }: SourceManifest) => assertTarget(body, capabilities),
  };
  return beginUse(deps, use, (prepared) =>
    readThrough(deps, prepared, { body, format, reply, signal, traceId }),
  );
}
