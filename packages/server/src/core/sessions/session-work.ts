import type { Socket } from 'node:net';
import type {
  BrowseItem,
  BrowseRequest,
  Connector,
  Login,
  ReadRequest,
  Retries,
  Session,
} from '@mooring/connectors/interface/connector';
import { doublesTextOf, type Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Secret } from '@mooring/connectors/interface/secret';
import { abortError, after } from '@mooring/connectors/kit/deadline';
import { failureForAuthor } from '@mooring/connectors/kit/server-words';
import type { Gate } from '../egress/gate.js';
import { probe } from '../egress/probe.js';
import type { StreamCaps, StreamOutcome } from '../streams/caps.js';
import { type Counts, type Encoded, encodeRows, rowBatches } from '../streams/encoded-rows.js';
import type { StreamFormat } from '../streams/media-type.js';
import type { Finding } from './finding.js';
import { proveInStages } from './proof.js';
import { withTextColumns } from './text-columns.js';

// All work on a source, from opening its session to the bytes of an answer. It runs in a runner, or in the server
// process where there are no runners, and is the same in both.

/** The task of a session, as data, because it is sent to runners. */
export type Task =
  | { kind: 'test'; readsPaths: boolean }
  | { kind: 'browse'; request: BrowseRequest }
  | { kind: 'preview'; request: Omit<ReadRequest, 'limit' | 'batchRows' | 'isPreview'>; limit: number }
  | { kind: 'read'; request: Omit<ReadRequest, 'batchRows'>; format: StreamFormat; caps: StreamCaps };

export interface Plan {
  sourceId: string;
  /** Definition properties. */
  properties: Readonly<Record<string, unknown>>;
  /** The operator's settings of this source. */
  settings: Readonly<Record<string, string>>;
  login: Pick<Login, 'signIn' | 'fields'>;
  /** The caller needs to know when the source has signed the user in and sent something. */
  tellsProof: boolean;
  task: Task;
}

export interface Surroundings {
  /** @throws ConnectorError `driver_unavailable` */
  connector(sourceId: string): Promise<Connector>;
  gate: Gate;
  retries: Retries;
  accessToken: Login['accessToken'] | undefined;
  signal: AbortSignal;
  found(finding: Finding): void;
}

/** Rows per batch, also where a preview reads fewer. */
const batchRows = 1000;
/** Limit of an answer that is sent as a whole. */
const answerBytesMax = 16 * 1024 * 1024;
const proofLookMs = 50;

const wholeAnswer = (json: string): Uint8Array => {
  const bytes = Buffer.from(json);
  if (bytes.length <= answerBytesMax) return bytes;
  throw new ConnectorError('too_large', 'The answer has more than 16 MiB.', {
    remedy: 'Ask for fewer rows or columns, or read it as a stream.',
  });
};

/** An explicit list of the members that may be sent. */
const shown = ({ name, kind, path, readable, container, ...rest }: BrowseItem) => {
  const { sizeBytes, modified, type, nullable } = rest;
  return { name, kind, path, readable, container, sizeBytes, modified, type, nullable };
};

async function browse(session: Session, request: BrowseRequest): Promise<Uint8Array> {
  const { items, next } = await session.browse(request);
  return wholeAnswer(JSON.stringify({ items: items.map(shown), next }));
}

async function preview(session: Session, { request, limit }: Extract<Task, { kind: 'preview' }>) {
  // One row more than requested shows whether there are more.
  const most = { limit: limit + 1, batchRows: Math.min(batchRows, limit + 1), isPreview: true };
  const stream = withTextColumns(await session.read({ ...request, ...most }), request.asText);
  const found: Row[] = [];
  for await (const batch of stream.batches) {
    found.push(...batch);
    if (found.length > limit) break;
  }
  const rows = found
    .slice(0, limit)
    .map((row) => `[${row.map((cell) => doublesTextOf(cell ?? null)).join()}]`);
  const { columns, file } = stream;
  const rest = JSON.stringify({ truncated: found.length > limit, file });
  return wholeAnswer(`{"columns":${JSON.stringify(columns)},"rows":[${rows.join()}],${rest.slice(1)}`);
}

/**
 * Timeout until a source returns rows. The stream of a read has its own limits from the first row on, and every other
 * task has one from its caller.
 */
function limitStart(task: Task, stop: AbortController) {
  const late = new ConnectorError('timeout', 'The source did not answer in time.');
  const timer =
    task.kind === 'read' ? after(task.caps.idleSeconds * 1000, () => stop.abort(late)) : undefined;
  return {
    end: () => clearTimeout(timer),
    /** The failure as reported: drivers report a timeout as a cancelled call. */
    failure: (error: unknown) => (stop.signal.reason === late ? late : error),
  };
}

/**
 * Checks whether the source has sent something. Some drivers open a session without I/O, so only received bytes prove
 * it.
 */
function watchProof(plan: Plan, { gate, found }: Surroundings) {
  const sockets: Socket[] = [];
  let isOpen = false;
  let isReported = false;
  const look = () => {
    if (isReported || !isOpen || !sockets.some(({ bytesRead }) => bytesRead > 0)) return;
    isReported = true;
    clearInterval(timer);
    found({ kind: 'proven' });
  };
  const timer = plan.tellsProof ? setInterval(look, proofLookMs) : undefined;
  return {
    gate: gate.watched((socket) => {
      if (sockets.push(socket) === 1) found({ kind: 'connected' });
    }),
    opened() {
      isOpen = true;
      found({ kind: 'opened' });
    },
    end() {
      look();
      clearInterval(timer);
    },
  };
}

/** Executes the plan in its own session, opened with the first chunk requested and closed at the end. */
export function sessionWork(plan: Plan, surroundings: Surroundings): Encoded {
  let counts = (): Counts => ({ rows: 0, bytes: 0 });
  const { task } = plan;

  async function* inSession(session: Session, stop: AbortController, begun: number, onStarted: () => void) {
    if (task.kind === 'read') {
      const { request } = task;
      const stream = withTextColumns(await session.read({ ...request, batchRows }), request.asText);
      onStarted();
      const { columns, file } = stream;
      surroundings.found({ kind: 'described', columns, ...(file ? { file } : {}) });
      const encoded = encodeRows(
        { columns, batches: rowBatches(stream.batches) },
        task.format,
        task.caps,
        stop,
      );
      counts = encoded.counts;
      return yield* encoded.chunks;
    }
    if (task.kind === 'test') return proveInStages(session, task.readsPaths, begun, surroundings.found);
    const answer = await (task.kind === 'browse' ? browse(session, task.request) : preview(session, task));
    counts = () => ({ rows: 0, bytes: answer.length });
    yield answer;
  }

  async function* chunks(): AsyncGenerator<Uint8Array, StreamOutcome, undefined> {
    const { signal, accessToken } = surroundings;
    if (signal.aborted) throw abortError(signal);
    // Its own signal, because a read also aborts it to leave a source that still owes a batch.
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const proof = watchProof(plan, surroundings);
    const start = limitStart(task, stop);
    const tokens: Secret<string>[] = [];
    const noted = (ask: NonNullable<typeof accessToken>) => async (options?: { renew?: boolean }) => {
      const token = await ask(options);
      tokens.push(token);
      return token;
    };
    try {
      const { properties, settings } = plan;
      const connector = await surroundings.connector(plan.sourceId);
      surroundings.found({ kind: 'begun' });
      if (task.kind === 'test' && !(await isReached(connector, plan, { ...surroundings, gate: proof.gate })))
        return { state: 'complete', ...counts() };
      const login = { ...plan.login, ...(accessToken ? { accessToken: noted(accessToken) } : {}) };
      const context = { network: proof.gate, retries: surroundings.retries, settings, signal: stop.signal };
      const begun = performance.now();
      const session = await connector.open({ properties, login }, context);
      proof.opened();
      try {
        const outcome = yield* inSession(session, stop, begun, start.end);
        return outcome ?? { state: 'complete', ...counts() };
      } finally {
        // A source that fails to close must not turn an answer into an error.
        await session.close().catch(() => undefined);
      }
    } catch (error) {
      throw failureForAuthor(
        start.failure(error),
        'request' in task && 'query' in task.request ? task.request.query : undefined,
        { ...plan.login.fields, ...tokens },
      );
    } finally {
      signal.removeEventListener('abort', abort);
      start.end();
      proof.end();
    }
  }
  return { chunks: chunks(), counts: () => counts() };
}

/** First part of a test: name, route, TCP and TLS, before the driver is used. */
async function isReached(
  connector: Connector,
  { properties, settings }: Plan,
  { gate, signal, found }: Surroundings,
): Promise<boolean> {
  const [target] = connector.targets(properties, settings);
  if (!target) return true;
  // With custom certificates the source's driver proves TLS; the probe knows only the system's.
  const tls = properties['rootCertificates'] === undefined ? target.tls : 'none';
  const stages = await probe(gate, { ...target, tls }, signal);
  for (const stage of stages) {
    if (stage.code === 'unreachable' || stage.code === 'timeout') found({ kind: 'missed' });
    found({ kind: 'staged', stage });
  }
  return stages.every(({ ok }) => ok);
}
