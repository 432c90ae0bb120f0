import { ConnectorError } from '@mooring/connectors/interface/errors';
import { rightGone } from '../../../core/streams/caps.js';
import type { ReplyOutcome } from '../../../core/streams/row-reply.js';
import { handled } from '../../http/handler.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';
import { type FinishedUse, outcomeOf } from './run-use.js';

// A read, from its first byte to its record in the usage log.

/** What a read is called in the usage log. */
function readResult(outcome: ReplyOutcome): string {
  if (outcome.state === 'failed') return outcomeOf(outcome.error);
  if (outcome.state === 'truncated') return `truncated ${outcome.cap}`;
  return outcome.state === 'left' ? 'cancelled' : 'ok';
}

/** Aborts when the client leaves or the caller loses the right to the use, each with its own reason. */
function stopOf(client: AbortSignal, right: AbortSignal) {
  const [stop, released] = [new AbortController(), new AbortController()];
  const until = { once: true, signal: released.signal };
  const leave = () => stop.abort(new ConnectorError('cancelled', 'The client disconnected.'));
  client.addEventListener('abort', leave, until);
  right.addEventListener('abort', () => stop.abort(rightGone), until);
  return { stop, release: () => released.abort() };
}

/** Streams an answer and resolves when it has ended, whatever ended it. @param client aborted when the client leaves */
export async function streamThrough(
  deps: Pick<UseDependencies, 'log'>,
  use: PreparedUse,
  client: AbortSignal,
  stream: (stop: AbortController) => Promise<ReplyOutcome>,
): Promise<FinishedUse<typeof handled>> {
  const { stop, release } = stopOf(client, use.watch.signal);
  try {
    const ended = await stream(stop);
    const { rows, bytes } = ended;
    const outcome = readResult(ended);
    deps.log.info({ connectionId: use.connection.id, state: outcome, rows, bytes }, 'read ended');
    return { value: handled, outcome, given: { rows, bytes } };
  } finally {
    release();
  }
}
