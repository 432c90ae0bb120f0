import type { Column, NeutralType, Row } from '@mooring/connectors/interface/data-types';
import type { Batch } from '@mooring/connectors/interface/plan';
import type { BatchStream } from '../caps.js';

export const column = (name: string, type: NeutralType = 'string'): Column => ({
  name,
  type,
  nullable: true,
});

/** What a source may do when a batch is requested. */
export type Step = readonly Row[] | Error | 'silence';

export interface SyntheticSource {
  stream: BatchStream;
  /** Batches requested so far. */
  pulled(): number;
  /** Whether the consumer has left, or the source has ended or failed by itself. */
  isReleased(): boolean;
  /** Settles when that happens. */
  released: Promise<void>;
}

/**
 * A source that counts its requests. `step` says what the batch with this number is; undefined ends it.
 * `silence` answers only when `signal` is aborted, as a driver does that waits for its server.
 */
export function syntheticSource(
  columns: readonly Column[],
  step: (batch: number) => Step | undefined | Promise<Step | undefined>,
  signal?: AbortSignal,
): SyntheticSource {
  let pulled = 0;
  let isReleased = false;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = () => {
      isReleased = true;
      resolve();
    };
  });
  async function* batches(): AsyncGenerator<Batch, void, undefined> {
    try {
      for (;;) {
        pulled += 1;
        const next = await step(pulled - 1);
        if (next === undefined) return;
        if (next instanceof Error) throw next;
        if (next === 'silence') {
          signal?.throwIfAborted();
          await new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
          });
        } else {
          yield { rows: next };
        }
      }
    } finally {
      release();
    }
  }
  return {
    stream: { columns, batches: batches() },
    pulled: () => pulled,
    isReleased: () => isReleased,
    released,
  };
}

/** A source with these batches and no more. */
export function sourceOf(columns: readonly Column[], ...batches: readonly Step[]): SyntheticSource {
  return syntheticSource(columns, (batch) => batches[batch]);
}

export async function* batchesOf(...batches: readonly (readonly Row[])[]): AsyncGenerator<Batch> {
  for (const rows of batches) yield { rows };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
