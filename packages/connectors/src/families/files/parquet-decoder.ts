import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DecodedArray } from 'hyparquet';
import { ConnectorError } from '../../spec/errors.js';
import { parquetLimits } from './limits.js';
import { type Answer, type Ask, type FileShape, parquetWorker } from './parquet-worker.js';

// hyparquet trusts the file: a flipped bit can make it loop for ever, and a claimed count or length can make it
// fill the memory. So it runs in a thread of its own, with a limited heap, under watch, and is ended from
// outside when it overdoes.

/** One Parquet file's decoder. Ask one thing at a time. */
export interface ParquetDecoder {
  /** Takes the footer (its last 8 bytes included). */
  footer(bytes: ArrayBuffer): Promise<FileShape>;
  plan(ask: Omit<Extract<Ask, { kind: 'plan' }>, 'kind'>): Promise<void>;
  load(chunks: { start: number; bytes: ArrayBuffer }[]): Promise<void>;
  /** Values column by column, in the order of the plan. */
  read(ask: Omit<Extract<Ask, { kind: 'read' }>, 'kind'>): Promise<DecodedArray[]>;
  /** Ends the thread. Idempotent. */
  close(): void;
}

const watchEveryMs = 100;

const bootstrap = `
const { parentPort, workerData } = require('node:worker_threads');
Promise.all(workerData.modules.map((url) => import(url))).then(([hyparquet, compressors]) =>
  (${parquetWorker.toString()})(parentPort, hyparquet, compressors));
`;

function moduleUrls(): string[] {
  const { resolve } = createRequire(import.meta.url);
  return ['hyparquet', 'hyparquet-compressors'].map((name) => pathToFileURL(resolve(name)).href);
}

function startWorker(): Worker {
  const worker = new Worker(bootstrap, {
    eval: true,
    env: {},
    execArgv: [],
    workerData: { modules: moduleUrls() },
    resourceLimits: { maxOldGenerationSizeMb: parquetLimits.heapMegabytesMax },
  });
  worker.unref();
  return worker;
}

function overdone(cause?: unknown): ConnectorError {
  return new ConnectorError('too_large', 'Decoding the Parquet file takes too much memory or time.', {
    remedy: 'Write the file with smaller row groups and pages, or check that it is not damaged.',
    cause,
  });
}

/** A file that hyparquet cannot read; its own texts may quote the file, so they stay in the cause. */
export function brokenParquet(reason: string): ConnectorError {
  return new ConnectorError('protocol_error', 'The file is not a Parquet file that can be read.', {
    cause: new Error(reason),
  });
}

/** Calls `onExcess` when the time is up or the process has grown too much; returns how to stop watching. */
function watch(stepMsMax: number, onExcess: () => void): () => void {
  const begin = performance.now();
  const bytesBefore = process.memoryUsage.rss();
  const timer = setInterval(() => {
    const isLate = performance.now() - begin > stepMsMax;
    const hasGrown = process.memoryUsage.rss() - bytesBefore > parquetLimits.growthBytesMax;
    if (isLate || hasGrown) onExcess();
  }, watchEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Starts a decoder. Its questions fail with a ConnectorError: `protocol_error` for broken files, `too_large`
 * when decoding overdoes, `cancelled` once it is closed.
 */
export function startParquetDecoder(stepMsMax: number = parquetLimits.stepMsMax): ParquetDecoder {
  const worker = startWorker();
  let failure: ConnectorError | undefined;
  let settle: ((answer: Answer | ConnectorError) => void) | undefined;

  const end = (error: ConnectorError) => {
    failure ??= error;
    settle?.(failure);
    void worker.terminate();
  };
  worker.on('message', (answer: Answer) => settle?.(answer));
  worker.once('error', (error) => end(overdone(error)));
  worker.once('exit', () => end(overdone()));

  const ask = async (question: Ask, transfer: ArrayBuffer[] = []): Promise<Extract<Answer, { ok: true }>> => {
    if (failure) throw failure;
    const unwatch = watch(stepMsMax, () => end(overdone()));
    worker.ref();
    try {
      const answer = await new Promise<Answer | ConnectorError>((resolve) => {
        settle = resolve;
        worker.postMessage(question, transfer);
      });
      if (answer instanceof ConnectorError) throw answer;
      if (!answer.ok) throw brokenParquet(answer.reason);
      return answer;
    } finally {
      unwatch();
      worker.unref();
    }
  };
  return {
    footer: async (bytes) => (await ask({ kind: 'footer', bytes }, [bytes])).value as FileShape,
    plan: async (question) => void (await ask({ kind: 'plan', ...question })),
    load: async (chunks) => {
      await ask(
        { kind: 'load', chunks },
        chunks.map(({ bytes }) => bytes),
      );
    },
    read: async (question) => (await ask({ kind: 'read', ...question })).value as DecodedArray[],
    close: () => end(new ConnectorError('cancelled', 'The file was closed.')),
  };
}
