import { timeLimit } from '@mooring/connectors/kit/deadline';
import { ConnectorError } from '@mooring/connectors/spec/errors';
import type { Task } from '../../../core/sessions/session-work.js';
import { collect } from '../../../core/streams/encoded-rows.js';
import { beginUse, type UseRequest } from './begin-use.js';
import { assertStillAllowed, finishing } from './finish-use.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';

async function answerOf(use: PreparedUse, signal: AbortSignal, task: Task): Promise<Uint8Array> {
  const { manifest, properties, login, entry, provenWithinMs } = use;
  const watched = AbortSignal.any([signal, use.watch.signal]);
  const proof = provenWithinMs === undefined ? {} : { provenWithinMs };
  const answer = await collect(entry.work({ manifest, properties, login, signal: watched, ...proof }, task));
  assertStillAllowed(use);
  return answer;
}

/** Browse and preview: the answer as JSON, complete before it is sent. */
export function answerUse(deps: UseDependencies, request: UseRequest, task: Task): Promise<Uint8Array> {
  const { log, config } = deps;
  return beginUse(deps, request, async (use) => {
    const within = AbortSignal.any([request.signal, timeLimit(config.limits.idleSeconds * 1000)]);
    try {
      return await finishing(deps, use, async () => ({
        value: await answerOf(use, within, task),
        outcome: 'ok',
      }));
    } catch (error) {
      if (error instanceof ConnectorError) {
        const { kind, nativeCode } = error;
        log.info({ connectionId: use.connection.id, kind, nativeCode }, 'source failed');
      }
      throw error;
    }
  });
}
