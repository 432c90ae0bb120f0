import type { Session } from '@mooring/connectors/spec/connector';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Catalogue } from '../catalogue/catalogue.js';
import { probe } from '../egress/probe.js';
import { sourceErrorCode } from '../http/error-reply.js';
import type { Entry, SessionRequest } from './sessions.js';

export interface Stage {
  name: string;
  ok: boolean;
  ms?: number;
  code?: string;
  message?: string;
  remedy?: string;
}

export interface TestAnswer {
  ok: boolean;
  stages: Stage[];
}

export interface TestDependencies {
  catalogue: Catalogue;
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const depthMax = 3;
const widthMax = 5;

/** First thing that can be read, a few levels deep at the most. */
async function firstReadable(
  session: Session,
  path: readonly string[],
  depth: number,
): Promise<readonly string[] | undefined> {
  const { items } = await session.browse({ path, limit: widthMax });
  const readable = items.find((item) => item.readable);
  if (readable) return readable.path;
  if (depth >= depthMax) return undefined;
  for (const item of items.filter((candidate) => candidate.container)) {
    const found = await firstReadable(session, item.path, depth + 1);
    if (found) return found;
  }
  return undefined;
}

function failed(name: string, error: unknown, ms: number): Stage {
  if (!(error instanceof ConnectorError)) throw error;
  return {
    name: error.kind === 'tls_failed' ? 'tls' : name,
    ok: false,
    ms,
    code: sourceErrorCode(error),
    message: error.message,
    ...(error.remedy ? { remedy: error.remedy } : {}),
  };
}

/**
 * Tests a connection in stages: name, route, tcp, tls, signIn, rights, firstRow. Ends at the first that fails; a
 * failing source is an answer, not an error.
 */
export async function testInStages(
  request: SessionRequest,
  entry: Entry,
  deps: TestDependencies,
): Promise<TestAnswer> {
  const { manifest, properties, signal } = request;
  const stages: Stage[] = [];
  const connector = await deps.catalogue.connector(manifest);
  const [target] = connector.targets(properties, deps.settings[manifest.id] ?? {});
  if (target) {
    // With certificates of its own the source's driver proves TLS; the probe knows the system's only.
    const tls = properties['rootCertificates'] === undefined ? target.tls : 'none';
    for (const stage of await probe(entry.gate, { ...target, tls }, signal)) {
      if (stage.code === 'unreachable' || stage.code === 'timeout') entry.missed();
      stages.push({
        ...stage,
        ...(stage.code ? { code: sourceErrorCode(new ConnectorError(stage.code, '')) } : {}),
      });
    }
    if (stages.some((stage) => !stage.ok)) return { ok: false, stages };
  }
  let name = 'signIn';
  let since = performance.now();
  const pass = (next: string) => {
    stages.push({ name, ok: true, ms: Math.round(performance.now() - since) });
    since = performance.now();
    name = next;
  };
  try {
    await entry.open(request, async (session) => {
      await session.ping();
      pass('rights');
      const path = manifest.capabilities.readPath ? await firstReadable(session, [], 0) : undefined;
      pass('firstRow');
      if (!path) return;
      const rows = await session.read({ path, limit: 1, batchRows: 1, isPreview: true });
      for await (const _batch of rows.batches) break;
      pass('');
    });
  } catch (error) {
    const timedOut = signal.aborted && error instanceof ConnectorError && error.kind === 'cancelled';
    const cause = timedOut
      ? new ConnectorError('timeout', 'The source did not answer within the time limit of the test.', {
          remedy: 'Check that the source is up and not overloaded.',
        })
      : error;
    stages.push(failed(name, cause, Math.round(performance.now() - since)));
    return { ok: false, stages };
  }
  return { ok: true, stages };
}
