import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import type { Retries } from '@mooring/connectors/interface/retries';
import { OriginToken, Secret } from '@mooring/connectors/interface/secret';
import { type Surroundings, sessionWork } from '../sessions/session-work.js';
import {
  type Order,
  packError,
  pieceBytes,
  type Question,
  type SentError,
  unpackError,
  type Wire,
  windowBytes,
} from './wire.js';

type Start = Extract<Order, { kind: 'start' }>;
type Answer = Extract<Order, { kind: 'answer' }>;

export type ServedUse = ReturnType<typeof serveUse>;

export interface ServedUseDependencies extends Pick<Surroundings, 'source' | 'gate'> {
  wire: Wire;
  /** Ends the runner when its memory is over the limit. */
  checkMemory(): void;
}

/** Requests what only the server has: access tokens, and the retry budget. */
function callsOverPipe(use: number, wire: Wire) {
  const calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let count = 0;
  const ask = (question: Question) =>
    new Promise<unknown>((resolve, reject) => {
      count += 1;
      calls.set(count, { resolve, reject });
      wire.report({ kind: 'asked', use, call: count, question });
    });
  const retries: Retries = {
    take: async (origin) => (await ask({ kind: 'retry', origin })) === true,
    giveBack: (origin) => wire.report({ kind: 'retries', change: 'giveBack', origin }),
    earn: (origin) => wire.report({ kind: 'retries', change: 'earn', origin }),
  };
  return {
    retries,
    token: async ({ renew = false }: { renew?: boolean } = {}) => {
      const { token, apiOrigin } = (await ask({ kind: 'token', renew })) as {
        token: string;
        apiOrigin?: string;
      };
      return apiOrigin === undefined ? new Secret(token) : new OriginToken(token, apiOrigin);
    },
    answered(answer: Answer) {
      const call = calls.get(answer.call);
      calls.delete(answer.call);
      if ('value' in answer) call?.resolve(answer.value);
      else call?.reject(unpackError(answer.error));
    },
    leave() {
      for (const { reject } of calls.values())
        reject(new ConnectorError('cancelled', 'The work was cancelled.'));
      calls.clear();
    },
  };
}

/** One use, in the runner. */
export function serveUse({ use, plan, hasTokens }: Start, deps: ServedUseDependencies) {
  const { wire } = deps;
  const stop = new AbortController();
  const calls = callsOverPipe(use, wire);
  let room = windowBytes;
  let onRoom: (() => void) | undefined;

  const send = async (chunk: Uint8Array, rows: number) => {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      while (room <= 0 && !stop.signal.aborted) {
        await new Promise<void>((resolve) => {
          onRoom = resolve;
        });
      }
      // A chunk that waits for room when the use is cancelled is discarded.
      if (stop.signal.aborted) return;
      const piece = chunk.subarray(at, at + pieceBytes);
      room -= piece.length;
      wire.chunk(use, piece, rows);
    }
    // Yield: a source and a reader that never block must not starve the other uses.
    await nextTurn();
  };
  const run = async () => {
    const { source, gate } = deps;
    const work = sessionWork(plan, {
      ...{ source, gate, signal: stop.signal },
      token: hasTokens ? calls.token : undefined,
      retries: calls.retries,
      found: (finding) => wire.report({ kind: 'found', use, finding }),
    });
    try {
      for (;;) {
        deps.checkMemory();
        const next = await work.chunks.next();
        if (next.done) return wire.report({ kind: 'ended', use, outcome: next.value });
        await send(next.value, work.counts().rows);
        if (stop.signal.aborted) {
          await work.chunks.return(undefined as never);
          throw stop.signal.reason;
        }
      }
    } catch (error) {
      wire.report({ kind: 'failed', use, error: packError(error) });
    }
  };

  return {
    cancel(reason: SentError): void {
      stop.abort(unpackError(reason));
      calls.leave();
      onRoom?.();
    },
    answered: calls.answered,
    credit(bytes: number): void {
      room += bytes;
      onRoom?.();
    },
    /** Settles when its session is closed and its end reported; never rejects. */
    ended: run(),
  };
}
