import type { OutgoingHttpHeaders } from 'node:http';
import type { Abilities } from '@mooring/connectors/interface/abilities';
import type { Column } from '@mooring/connectors/interface/data-types';
import type { FileOptions } from '@mooring/contract/file-options';
import { readConnection } from '@mooring/contract/routes/use';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Config } from '../../../core/config/config.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { coarseErrorMidway } from '../../../core/errors/coarse.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import type { Finding } from '../../../core/sessions/finding.js';
import { type StreamOutcome, sourceLimit } from '../../../core/streams/caps.js';
import { distinctColumns, jsonHeader } from '../../../core/streams/column-names.js';
import { lastWords } from '../../../core/streams/last-words.js';
import { contentTypeOf, negotiate, type StreamFormat } from '../../../core/streams/media-type.js';
import { type BrokenEnding, type ReplyOutcome, sendRows } from '../../../core/streams/row-reply.js';
import { bind } from '../../http/handler.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';
import { assertBytes, streamBytes } from './read-bytes.js';
import { assertTarget, defined, readOf } from './request-checks.js';
import { runUse } from './run-use.js';
import { streamThrough } from './stream-through.js';

type Limits = Config['limits'];

interface ReadRequest {
  body: z.output<typeof readConnection.body>;
  format: StreamFormat;
  reply: FastifyReply;
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

function taskOf({ format, body }: ReadRequest, limits: Limits) {
  const { limit } = body;
  const { readRows: rowsMax, readBytes: bytesMax, readSeconds: secondsMax, idleSeconds } = limits;
  return {
    kind: 'read' as const,
    format,
    request: defined({ ...readOf(body), limit: sourceLimit(defined({ limit, rowsMax })) }),
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
    const told = use.mayEdit ? error : coarseErrorMidway(error);
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

/** Streams what the client accepts: rows in a format, or the bytes of a file. @throws AppError NOT-ACCEPTABLE */
export const readRows = (deps: UseDependencies) =>
  bind(readConnection, async ({ params: { qID }, query, body }, scope) => {
    const { caller, request, reply, signal, traceId } = scope;
    const accepted = negotiate(request.headers.accept);
    const format = accepted === 'ndjson' && query.header ? 'ndjson-with-columns' : accepted;
    if (!format) {
      const offered = (['ndjson', 'csv', 'arrow', 'bytes'] as const).map(contentTypeOf).join(', ');
      throw new AppError('NOT-ACCEPTABLE', `Accept one of: ${offered}.`);
    }
    const check = (abilities: Abilities) => {
      if (format === 'bytes') return assertBytes({ ...body, ...query }, abilities);
      if (body.range)
        throw invalidField('range', `is only for bytes; send Accept: ${contentTypeOf('bytes')}`);
      assertTarget(body, abilities);
    };
    const about = { qID, action: 'read' as const, operation: readConnection.id, what: body, check };
    return runUse(deps, { ...about, caller, signal, traceId }, (use) =>
      streamThrough(deps, use, signal, (stop) =>
        format === 'bytes'
          ? streamBytes(deps, use, { body, reply }, stop)
          : streamRows(deps, use, { body, format, reply, traceId }, stop),
      ),
    );
  });
