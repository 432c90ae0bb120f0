import type { Abilities } from '@mooring/connectors/interface/abilities';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { timeLimit } from '@mooring/connectors/kit/deadline';
import { browseConnection, describeConnection, previewConnection } from '@mooring/contract/routes/use';
import type { Task } from '../../../core/sessions/session-work.js';
import { collect } from '../../../core/streams/encoded-rows.js';
import { type BoundRoute, bind, type RequestScope } from '../../http/handler.js';
import type { UseDependencies } from './prepared-use.js';
import { readRows } from './read-connection.js';
import { assertFiles, assertPath, assertTarget, defined, readOf } from './request-checks.js';
import { resolve } from './resolve-connection.js';
import { assertStillAllowed, runUse, type UseRequest } from './run-use.js';
import { testProperties, testSaved } from './test-connection.js';

const browseItems = 200;
const previewRows = 100;

/** Browse, describe and preview: the answer as JSON, complete before it is sent. */
async function answer(
  deps: UseDependencies,
  { caller, signal, traceId }: RequestScope,
  about: Pick<UseRequest, 'qID' | 'action' | 'operation' | 'what' | 'check'>,
  task: Task,
) {
  const request = { ...about, caller, signal, traceId };
  const body = await runUse(deps, request, async (use) => {
    const limit = timeLimit(deps.config.limits.idleSeconds * 1000);
    const within = AbortSignal.any([signal, use.watch.signal, limit]);
    try {
      const value = await collect(use.entry.work({ ...use, signal: within }, task));
      assertStillAllowed(use);
      return { value, outcome: 'ok' };
    } catch (error) {
      if (error instanceof ConnectorError) {
        const { kind, nativeCode } = error;
        deps.log.info({ connectionId: use.connection.id, kind, nativeCode }, 'source failed');
      }
      throw error;
    }
  });
  return { status: 200 as const, body };
}

const browse = (deps: UseDependencies) =>
  bind(browseConnection, ({ params: { qID }, body }, scope) => {
    const { path = [], limit = browseItems, page, file } = body;
    const check = (abilities: Abilities) => {
      assertFiles(body, abilities);
      assertPath(path, abilities);
    };
    const about = { qID, action: 'browse' as const, operation: browseConnection.id, what: path, check };
    return answer(deps, scope, about, { kind: 'browse', request: defined({ path, limit, page, file }) });
  });

const describe = (deps: UseDependencies) =>
  bind(describeConnection, ({ params: { qID }, body }, scope) => {
    const check = (abilities: Abilities) => assertTarget(body, abilities);
    const operation = describeConnection.id;
    const about = { qID, action: 'describe' as const, operation, what: body, check };
    return answer(deps, scope, about, { kind: 'describe', target: readOf(body).target });
  });

const preview = (deps: UseDependencies) =>
  bind(previewConnection, ({ params: { qID }, body }, scope) => {
    const { limit = previewRows, ...asked } = body;
    const check = (abilities: Abilities) => assertTarget(body, abilities);
    const about = { qID, action: 'preview' as const, operation: previewConnection.id, what: body, check };
    return answer(deps, scope, about, { kind: 'preview', request: readOf(asked), limit });
  });

/** Test, browse, describe, preview, read and resolve: everything that uses a connection, with the caller's own credential. */
export const createUseFeature = (deps: UseDependencies): BoundRoute[] =>
  [testSaved, testProperties, browse, describe, preview, readRows, resolve].map((operation) =>
    operation(deps),
  );
