import type { Socket } from 'node:net';
import { doublesTextOf, type Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { TokenSource, Values } from '@mooring/connectors/interface/login';
import type { Target } from '@mooring/connectors/interface/plan';
import type { Retries } from '@mooring/connectors/interface/retries';
import type { BrowseRequest, BytesRequest, Described, Item } from '@mooring/connectors/interface/session';
import type { AnySource } from '@mooring/connectors/interface/source';
import { abortError, after } from '@mooring/connectors/kit/deadline';
import { type ApiRead, loadConnector, type OpenUse, openUse } from '@mooring/connectors/kit/session/open-use';
import { endpointsOf } from '@mooring/connectors/kit/typed-input';
import type { Gate } from '../egress/gate.js';
import { probe } from '../egress/probe.js';
import type { StreamCaps, StreamOutcome } from '../streams/caps.js';
import { type ByteCaps, encodeBytes } from '../streams/encode-bytes.js';
import { type Counts, type Encoded, encodeRows } from '../streams/encoded-rows.js';
import type { StreamFormat } from '../streams/media-type.js';
import type { Finding } from './finding.js';
import { proveInStages } from './proof.js';

// All work on a source, from opening its session to the bytes of an answer. It runs in a runner, or in the server
// process where there are no runners, and is the same in both.

/** The task of a session, as data, because it is sent to runners. */
export type Task =
  | { kind: 'test' }
  | { kind: 'browse'; request: BrowseRequest }
  | { kind: 'describe'; target: Target }
  | { kind: 'preview'; request: Omit<ApiRead, 'limit' | 'batchRows' | 'lanes'>; limit: number }
  | { kind: 'read'; request: Omit<ApiRead, 'batchRows' | 'lanes'>; format: StreamFormat; caps: StreamCaps }
  | { kind: 'bytes'; request: BytesRequest; caps: ByteCaps };

type StreamedTask = Extract<Task, { kind: 'read' | 'bytes' }>;

/** Its answer is a stream, which may take as long as its caps allow. */
export const isStreamed = (task: Task): task is StreamedTask => task.kind === 'read' || task.kind === 'bytes';

export interface Plan {
  sourceId: string;
  /** Definition properties. */
  definition: Values;
  /** The operator's settings of this source. */
  settings: Values;
  /** The login method, and the opened credential by property name. */
  login: { method: string; fields: Values };
  /** The caller needs to know when the source has signed the user in and sent something. */
  tellsProof: boolean;
  task: Task;
}

export interface Surroundings {
  source(id: string): AnySource;
  gate: Gate;
  retries: Retries;
  token: TokenSource | undefined;
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
const shown = ({ name, kind, path, readable, container, ...rest }: Item) => {
  const { sizeBytes, modified, type, nullable } = rest;
  return { name, kind, path, readable, container, sizeBytes, modified, type, nullable };
};

async function browse(use: OpenUse, request: BrowseRequest, signal: AbortSignal): Promise<Uint8Array> {
  const { items, next } = await use.browse(request, { signal });
  return wholeAnswer(JSON.stringify({ items: items.map(shown), next }));
}

async function preview(
  use: OpenUse,
  { request, limit }: Extract<Task, { kind: 'preview' }>,
  signal: AbortSignal,
) {
  // One row more than requested shows whether there are more.
  const most = { limit: limit + 1, batchRows: Math.min(batchRows, limit + 1), lanes: ['rows'] as const };
  const stream = await use.read({ ...request, ...most }, { signal, isPreview: true });
  const found: Row[] = [];
  for await (const batch of stream.batches) {
    if ('rows' in batch) found.push(...batch.rows);
    if (found.length > limit) break;
  }
  const rows = found
    .slice(0, limit)
    .map((row) => `[${row.map((cell) => doublesTextOf(cell ?? null)).join()}]`);
  const { columns, file } = stream;
  const rest = JSON.stringify({ truncated: found.length > limit, file });
  return wholeAnswer(`{"columns":${JSON.stringify(columns)},"rows":[${rows.join()}],${rest.slice(1)}`);
}

/** An explicit list of the members that may be sent. */
const describedBy = ({ kind, columns, comment, rows, bytes, primaryKey, file }: Described) => ({
  ...{ kind, columns, comment, rows, bytes, primaryKey, file },
});

function wholeAnswerOf(
  use: OpenUse,
  task: Exclude<Task, StreamedTask | { kind: 'test' }>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (task.kind === 'browse') return browse(use, task.request, signal);
  if (task.kind === 'preview') return preview(use, task, signal);
  return use
    .describe(task.target, { signal, isPreview: true })
    .then((described) => wholeAnswer(JSON.stringify(describedBy(described))));
}

/** Starts the stream. @throws ConnectorError before its first byte */
async function streamFrom(
  use: OpenUse,
  task: StreamedTask,
  stop: AbortController,
  found: Surroundings['found'],
): Promise<Encoded> {
  const { signal } = stop;
  if (task.kind === 'bytes') {
    const { chunks, ...stored } = await use.bytes(task.request, { signal });
    found({ kind: 'stored', ...stored });
    return encodeBytes(chunks, task.caps, stop);
  }
  const lanes = task.format === 'arrow' ? (['arrow', 'rows'] as const) : (['rows'] as const);
  const stream = await use.read({ ...task.request, batchRows, lanes }, { signal });
  const { columns, file } = stream;
  found({ kind: 'described', columns, ...(file ? { file } : {}) });
  return encodeRows(stream, task.format, task.caps, stop);
}

/**
 * Timeout until a source returns rows or bytes. A stream has its own limits from then on, and every other task has one
 * from its caller.
 */
function limitStart(task: Task, stop: AbortController) {
  const late = new ConnectorError('timeout', 'The source did not answer in time.');
  const timer = isStreamed(task) ? after(task.caps.idleSeconds * 1000, () => stop.abort(late)) : undefined;
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

  async function* inUse(use: OpenUse, stop: AbortController, begun: number, onStarted: () => void) {
    const { signal } = stop;
    if (isStreamed(task)) {
      const encoded = await streamFrom(use, task, stop, surroundings.found);
      onStarted();
      counts = encoded.counts;
      return yield* encoded.chunks;
    }
    if (task.kind === 'test') return proveInStages(use, { signal, begun }, surroundings.found);
    const answer = await wholeAnswerOf(use, task, signal);
    counts = () => ({ rows: 0, bytes: answer.length });
    yield answer;
  }

  async function* chunks(): AsyncGenerator<Uint8Array, StreamOutcome, undefined> {
    const { signal, token } = surroundings;
    if (signal.aborted) throw abortError(signal);
    // Its own signal, because a read also aborts it to leave a source that still owes a batch.
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const proof = watchProof(plan, surroundings);
    const start = limitStart(task, stop);
    try {
      const { definition, settings, login } = plan;
      const source = surroundings.source(plan.sourceId);
      await loadConnector(source);
      surroundings.found({ kind: 'begun' });
      if (task.kind === 'test' && !(await isReached(source, plan, { ...surroundings, gate: proof.gate })))
        return { state: 'complete', ...counts() };
      const begun = performance.now();
      const use = await openUse(
        source,
        { definition, settings, ...login },
        {
          network: proof.gate,
          retries: surroundings.retries,
          signal: stop.signal,
          token,
        },
      );
      proof.opened();
      try {
        const outcome = yield* inUse(use, stop, begun, start.end);
        return outcome ?? { state: 'complete', ...counts() };
      } finally {
        // A source that fails to close must not turn an answer into an error.
        await use.close().catch(() => undefined);
      }
    } catch (error) {
      throw start.failure(error);
    } finally {
      signal.removeEventListener('abort', abort);
      start.end();
      proof.end();
    }
  }
  return { chunks: chunks(), counts: () => counts() };
}

/** First part of a test: name, route, TCP and TLS of the endpoints that are dialled from here. */
async function isReached(
  source: AnySource,
  { definition, settings }: Plan,
  { gate, signal, found }: Surroundings,
): Promise<boolean> {
  const endpoints = endpointsOf(source, definition, settings).filter(({ via }) => via === undefined);
  for (const [index, endpoint] of endpoints.entries()) {
    for (const stage of await probe(gate, endpoint, signal)) {
      if (stage.code === 'unreachable' || stage.code === 'timeout') found({ kind: 'missed' });
      // The first endpoint's stages have the names of the contract.
      const name = index === 0 ? stage.name : `${endpoint.role}.${stage.name}`;
      found({ kind: 'staged', stage: { ...stage, name } });
      if (!stage.ok) return false;
    }
  }
  return true;
}
