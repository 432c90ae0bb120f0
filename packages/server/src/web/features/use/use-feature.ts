import type { OutgoingHttpHeaders } from 'node:http';
import { timeLimit } from '@mooring/connectors/kit/deadline';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import { destinationOf } from '@mooring/connectors/kit/properties';
import type { Column } from '@mooring/connectors/spec/data-types';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Capabilities, SourceManifest } from '@mooring/connectors/spec/manifest';
import type { FileOptions } from '@mooring/contract/file-options';
import {
  browseConnection,
  previewConnection,
  readConnection,
  resolveConnection,
  testConnection,
  testUnsaved,
} from '@mooring/contract/routes/use';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { decideFor } from '../../../core/access/connection-access.js';
import type { RefusedDestination } from '../../../core/audit/refused-destinations.js';
import type { RecordRefusedSignIn } from '../../../core/audit/refused-sign-ins.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import type { Config } from '../../../core/config/config.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { CoarseFailure, coarseSeconds, errorToldMidway } from '../../../core/errors/coarse.js';
import { errorReply } from '../../../core/errors/error-answer.js';
import { coarseTestFailure, testToldCoarsely } from '../../../core/sessions/coarse-test.js';
import type { Finding } from '../../../core/sessions/finding.js';
import { type TestAnswer, testInStages } from '../../../core/sessions/staged-test.js';
import { rolesOf } from '../../../core/store/decoded-rows.js';
import { rightGone, type StreamOutcome, sourceLimit } from '../../../core/streams/caps.js';
import { distinctColumns, jsonHeader } from '../../../core/streams/column-names.js';
import { lastWords } from '../../../core/streams/last-words.js';
import { contentTypeOf, negotiate, type StreamFormat } from '../../../core/streams/media-type.js';
import { type BrokenEnding, type ReplyOutcome, sendRows } from '../../../core/streams/row-reply.js';
import { type BoundRoute, bind, handled } from '../../http/handler.js';
import { explain } from './explanations.js';
import {
  createUseService,
  outcomeOf,
  type PreparedUse,
  throwIfTakenAway,
  type UseServiceDependencies,
} from './use-service.js';

export interface UseDependencies extends Omit<UseServiceDependencies, 'testSeconds'> {
  config: Config;
  signInRefused: RecordRefusedSignIn;
}

const previewRows = 100;

/** Options of files mean something where there are files. */
function assertFiles(body: { file?: unknown }, { files = false }: Capabilities): void {
  if (body.file === undefined || files) return;
  throw new InvalidRequest([
    { field: 'file', message: 'is not supported by this data source: it has no files' },
  ]);
}

/** One limit for all that take a path, so that what can be browsed to can be read. */
function assertPath(path: readonly string[] = [], { browseDepth }: Capabilities): void {
  if (path.length <= browseDepth) return;
  const message = `has ${path.length} parts, and paths of this data source have at most ${browseDepth}`;
  throw new InvalidRequest([{ field: 'path', message }]);
}

/** Exactly one of path and query, and only what the source can do. */
function assertTarget(
  body: { path?: readonly string[] | undefined; query?: unknown; file?: unknown },
  capabilities: Capabilities,
): void {
  assertFiles(body, capabilities);
  if ((body.path === undefined) === (body.query === undefined)) {
    throw new InvalidRequest([{ field: 'path', message: 'or query: give exactly one of the two' }]);
  }
  if (body.query !== undefined && !capabilities.readQuery) {
    throw new InvalidRequest([
      { field: 'query', message: 'is not supported by this data source; give a path' },
    ]);
  }
  assertPath(body.path, capabilities);
}

interface ReadRequest {
  body: z.output<typeof readConnection.body>;
  format: StreamFormat;
  reply: FastifyReply;
  signal: AbortSignal;
  traceId: string;
}

/** Takes what is defined, so that optional members stay absent. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

/** A limit of the operator that ended a read, as an error that its reader can act on. */
function cutByLimit({ cap = 'rows', rows }: StreamOutcome, limits: Config['limits']): AppError {
  const setting = { rows: 'readRows', bytes: 'readBytes', time: 'readSeconds' } as const;
  const most = limits[setting[cap]];
  const name = `limits.${setting[cap]} is ${most}`;
  return new AppError(
    'QUOTA-EXCEEDED',
    `This answer is not whole: it was cut after ${rows} rows, because ${name}. Ask for fewer rows or columns, or have the operator raise it.`,
    { meta: { cap, rows } },
  );
}

/** What a read is called in the record of uses. */
function readResult(outcome: ReplyOutcome): string {
  if (outcome.state === 'failed') return outcomeOf(outcome.error);
  if (outcome.state === 'truncated') return `truncated ${outcome.cap}`;
  return outcome.state === 'left' ? 'cancelled' : 'ok';
}

const logged = (outcome: ReplyOutcome) => ({ state: readResult(outcome), rows: outcome.rows });

/** test, browse, preview, read and resolve: everything that uses a connection, under the caller's own credential. */
export function createUseFeature(deps: UseDependencies): BoundRoute[] {
  const { limits } = deps.config;
  const service = createUseService({ ...deps, testSeconds: limits.testSeconds });
  const withTime = (signal: AbortSignal, seconds: number) =>
    AbortSignal.any([signal, timeLimit(seconds * 1000)]);

  /** A test that ends at the gate is a 200, and a refusal all the same. */
  const putOnRecord = async ({ stages }: TestAnswer, refused: RefusedDestination) => {
    if (stages.at(-1)?.code === 'EGRESS-REFUSED') await deps.destinationRefused(refused);
  };

  const testThrough = async (use: PreparedUse, signal: AbortSignal, traceId: string): Promise<TestAnswer> => {
    const seconds = use.mayEdit ? limits.testSeconds : coarseSeconds(limits.testSeconds);
    const within = withTime(AbortSignal.any([signal, use.watch.signal]), seconds);
    const answer = await testInStages({ ...use, signal: within }, use.entry).catch(async (error: unknown) => {
      await use.ticket.finish(outcomeOf(error));
      throw error;
    });
    await use.ticket.finish(answer.ok ? 'ok' : (answer.stages.at(-1)?.code ?? 'failed'));
    throwIfTakenAway(use);
    const connectionId = use.connection.id;
    await putOnRecord(answer, { by: use.caller, operation: testConnection.id, traceId, connectionId });
    return answer;
  };

  const test = bind(testConnection, async ({ params }, { caller, signal, traceId }) => {
    const coarse = { since: 0, seconds: limits.testSeconds, left: signal, isOwnLogin: false };
    let mayEdit = false;
    const begin = { caller, qID: params.qID, action: 'test', operation: testConnection.id, traceId, signal };
    const tested = service.enter(begin, (use) => {
      mayEdit = use.mayEdit;
      Object.assign(coarse, { since: performance.now(), isOwnLogin: use.isOwnLogin });
      return testThrough(use, signal, traceId);
    });
    const answer = await tested.catch((error: unknown) => {
      if (error instanceof CoarseFailure) return coarseTestFailure();
      throw error;
    });
    return { status: 200, body: mayEdit ? answer : await testToldCoarsely(answer, coarse) };
  });

  const unsaved = bind(testUnsaved, async ({ body }, { caller, signal, traceId }) => {
    const manifest = await deps.catalogue.enabled(caller.tenantId, body.datasourceID);
    const split = splitProperties(manifest, body.connectionProperties);
    if (split.choice.selectedCredentials !== undefined) {
      throw new InvalidRequest([
        {
          field: 'connectionProperties.selectedCredentials',
          message: 'is not used here: a stored secret is used only through a saved connection',
        },
      ]);
    }
    if (split.signIn.oauth) {
      throw new InvalidRequest([
        {
          field: 'connectionProperties',
          message: `sign-in by ${split.signIn.label} can be tested once the connection is saved`,
        },
      ]);
    }
    const lacking = lackingOf(split.signIn, split.definition, split.credential);
    if (lacking.length > 0) {
      throw new InvalidRequest(
        lacking.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
      );
    }
    const login = { signIn: split.signIn.id, fields: split.credential };
    const visit = {
      tenantId: caller.tenantId,
      destination: destinationOf(manifest, split.definition),
      userId: caller.userId,
      spaceId: null,
      isTest: true,
    };
    const request = { manifest, properties: split.definition, login };
    const answer = await deps.sessions.enter(visit, signal, (entry) =>
      testInStages({ ...request, signal: withTime(signal, limits.testSeconds) }, entry),
    );
    await putOnRecord(answer, { by: caller, operation: testUnsaved.id, traceId });
    if (answer.stages.at(-1)?.code === 'SOURCE-SIGN-IN-FAILED') {
      await deps.signInRefused({ caller, action: 'test-unsaved' });
    }
    return { status: 200, body: answer };
  });

  const browse = bind(browseConnection, async ({ params, body }, { caller, signal, traceId }) => {
    const path = body.path ?? [];
    const { id: operation } = browseConnection;
    const begin = {
      ...{ caller, qID: params.qID, action: 'browse', operation, traceId, what: path, signal },
      check: ({ capabilities }: SourceManifest) => {
        assertFiles(body, capabilities);
        assertPath(path, capabilities);
      },
    };
    const { limit = 200, page, file } = body;
    const request = { path, limit, ...(page ? { page } : {}), ...(file ? { file } : {}) };
    const answer = await service.enter(begin, (use) =>
      service.answer(use, withTime(signal, limits.idleSeconds), { kind: 'browse', request }),
    );
    return { status: 200, body: answer };
  });

  const preview = bind(previewConnection, async ({ params, body }, { caller, signal, traceId }) => {
    const begin = {
      ...{ caller, qID: params.qID, action: 'preview', what: body, signal },
      ...{ operation: previewConnection.id, traceId },
      check: ({ capabilities }: SourceManifest) => assertTarget(body, capabilities),
    };
    const { limit = previewRows, ...target } = body;
    const answer = await service.enter(begin, (use) =>
      service.answer(use, withTime(signal, limits.idleSeconds), {
        ...{ kind: 'preview', request: defined(target), limit },
      }),
    );
    return { status: 200, body: answer };
  });

  const readThrough = async (
    use: PreparedUse,
    { body, format, reply, signal, traceId }: ReadRequest,
  ): Promise<typeof handled> => {
    const stop = new AbortController();
    const leave = () => stop.abort(new ConnectorError('cancelled', 'The reader left.'));
    signal.addEventListener('abort', leave, { once: true });
    const takeAway = () => stop.abort(rightGone);
    use.watch.signal.addEventListener('abort', takeAway, { once: true });
    const { limit } = body;
    const { readRows: rowsMax, readBytes: bytesMax, readSeconds: secondsMax, idleSeconds } = limits;
    const task = {
      ...{ kind: 'read' as const, format },
      request: defined({ ...body, limit: sourceLimit(defined({ limit, rowsMax })) }),
      caps: defined({ rowsMax, bytesMax, secondsMax, idleSeconds, limit }),
    };
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
    try {
      const outcome = await sendRows({
        ...{ response: reply.raw, format, stop, idleSeconds },
        rows: use.entry.work({ ...use, signal: stop.signal }, task, onFound),
        lastWords: lastWordsOf,
        // From here on the answer is written past the framework, so its headers go along by hand.
        beforeHead: () => {
          const headers = reply.getHeaders() as OutgoingHttpHeaders;
          reply.hijack();
          return {
            ...{ ...headers, 'Mooring-Columns': jsonHeader(distinctColumns(columns)) },
            ...(file
              ? { 'Mooring-File': jsonHeader(file) ?? jsonHeader({ ...file, columnTypes: undefined }) }
              : {}),
          };
        },
      });
      await use.ticket.finish(readResult(outcome), { rows: outcome.rows, bytes: outcome.bytes });
      deps.log.info({ connectionId: use.connection.id, ...logged(outcome) }, 'read ended');
      return handled;
    } catch (error) {
      await use.ticket.finish(outcomeOf(error));
      throwIfTakenAway(use);
      if (error instanceof ConnectorError && error.kind === 'auth_failed') await service.refuseIfEnded(use);
      throw error;
    } finally {
      signal.removeEventListener('abort', leave);
      use.watch.signal.removeEventListener('abort', takeAway);
    }
  };

  const read = bind(readConnection, async ({ params, query, body }, scope) => {
    const { caller, request, reply, signal, traceId } = scope;
    const accepted = negotiate(request.headers.accept);
    const format = accepted === 'ndjson' && query.header ? 'ndjson-with-columns' : accepted;
    if (!format) {
      throw new AppError(
        'NOT-ACCEPTABLE',
        `Offered are ${(['ndjson', 'csv', 'arrow'] as const).map(contentTypeOf).join(', ')}.`,
      );
    }
    const begin = {
      ...{ caller, qID: params.qID, action: 'read', what: body, signal },
      ...{ operation: readConnection.id, traceId },
      check: ({ capabilities }: SourceManifest) => assertTarget(body, capabilities),
    };
    return service.enter(begin, (use) => readThrough(use, { body, format, reply, signal, traceId }));
  });

  const resolve = bind(resolveConnection, async ({ params, body }, { caller }) => {
    const { connection, manifest, mayEdit } = await service.usable(caller, params.qID);
    const userId = body?.as ?? caller.userId;
    if (userId !== caller.userId && !mayEdit) {
      throw new AppError(
        'ACCESS-DENIED',
        'as: only people who may edit the connection may ask for somebody else.',
      );
    }
    const person = await deps.store.db
      .selectFrom('user')
      .select(['id', 'tenant_id', 'roles'])
      .where('id', '=', userId)
      .where('tenant_id', '=', caller.tenantId)
      .executeTakeFirst();
    if (!person) throw new AppError('NOT-FOUND', 'as: there is no such person.');
    const asPerson = {
      userId: person.id,
      tenantId: person.tenant_id,
      roles: rolesOf(person),
    };
    const { mayUse } = await decideFor(deps.store.db, asPerson, connection);
    const resolution = await deps.broker.resolve(
      person.id === caller.userId ? caller : { userId: person.id },
      connection,
      manifest,
    );
    const isShown = resolution.credential?.owner_id === caller.userId;
    const usable = mayUse && resolution.state === 'ready';
    return {
      status: 200,
      body: {
        connectionId: connection.id,
        dataSourceId: connection.source_id,
        userId: person.id,
        separated: connection.separated === 1,
        usable,
        ...(resolution.credential && isShown ? { credentialId: resolution.credential.id } : {}),
        ...(resolution.credential && (isShown || resolution.isEmbedded)
          ? { credentialOwnerId: resolution.credential.owner_id }
          : {}),
        state: resolution.state,
        reason: mayUse
          ? explain(resolution)
          : "This person's roles do not let them use data through this connection.",
        destination: connection.destination,
        ...(usable || resolution.isEmbedded
          ? {}
          : { bring: `/api/v1/data-connections/${connection.id}/credential` }),
      },
    };
  });

  return [test, unsaved, browse, preview, read, resolve];
}
