import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import {
  browseConnection,
  previewConnection,
  readConnection,
  resolveConnection,
  testConnection,
  testUnsaved,
} from '@mooring/contract/routes/use';
import { type BoundRoute, bind } from '../../http/handler.js';
import { answerUse } from './answer-use.js';
import type { UseDependencies } from './prepared-use.js';
import { readRows } from './read-connection.js';
import { assertFiles, assertPath, assertTarget, defined } from './request-checks.js';
import { resolveUse } from './resolve-connection.js';
import { testSaved } from './test-connection.js';
import { testProperties } from './test-unsaved.js';

const browseItems = 200;
const previewRows = 100;

/** Test, browse, preview, read and resolve: everything that uses a connection, with the caller's own credential. */
export function createUseFeature(deps: UseDependencies): BoundRoute[] {
  return [
    bind(testConnection, async ({ params }, scope) => ({
      status: 200,
      body: await testSaved(deps, params.qID, scope),
    })),
    bind(testUnsaved, async ({ body }, scope) => ({
      status: 200,
      body: await testProperties(deps, body, scope),
    })),
    bind(browseConnection, async ({ params, body }, { caller, signal, traceId }) => {
      const { path = [], limit = browseItems, page, file } = body;
      const check = ({ capabilities }: SourceManifest) => {
        assertFiles(body, capabilities);
        assertPath(path, capabilities);
      };
      const about = {
        qID: params.qID,
        action: 'browse' as const,
        operation: browseConnection.id,
        what: path,
      };
      const request = { path, limit, ...(page ? { page } : {}), ...(file ? { file } : {}) };
      const answer = await answerUse(
        deps,
        { ...about, caller, traceId, signal, check },
        { kind: 'browse', request },
      );
      return { status: 200, body: answer };
    }),
    bind(previewConnection, async ({ params, body }, { caller, signal, traceId }) => {
      const { limit = previewRows, ...target } = body;
      const check = ({ capabilities }: SourceManifest) => assertTarget(body, capabilities);
      const about = {
        qID: params.qID,
        action: 'preview' as const,
        operation: previewConnection.id,
        what: body,
      };
      const answer = await answerUse(
        deps,
        { ...about, caller, traceId, signal, check },
        { kind: 'preview', request: defined(target), limit },
      );
      return { status: 200, body: answer };
    }),
    bind(readConnection, ({ params, query, body }, scope) =>
      readRows(deps, { qID: params.qID, withColumns: query.header }, body, scope),
    ),
    bind(resolveConnection, async ({ params, body }, { caller }) => ({
      status: 200,
      body: await resolveUse(deps, caller, params.qID, body),
    })),
  ];
}
