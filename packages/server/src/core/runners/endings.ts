import { ConnectorError } from '@mooring/connectors/interface/errors';

/** Why a runner ended. `closed` is not a crash. */
export type Ending = 'closed' | 'memory' | 'loop' | 'stuck' | 'protocol' | 'failure' | 'killed';

export type Crash = Exclude<Ending, 'closed'>;

/** Exit codes with which a runner ends itself. */
export const exitCodes = { memory: 77, failure: 70 } as const;
/** How Node ends when the heap is full. */
const heapIsFull = { code: 134, signal: 'SIGABRT' };

/** The reason of an end that the pool did not decide. */
export function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  if (code === exitCodes.memory || code === heapIsFull.code || signal === heapIsFull.signal) return 'memory';
  return code === null ? 'killed' : 'failure';
}

const told: Readonly<Record<Ending, string>> = {
  memory: 'Data of the source exceeded the memory limit of one user, so the use was ended.',
  loop: 'Data of the source kept the runner busy without end, so the use was ended.',
  stuck: 'The use did not stop when it was cancelled, so it was ended.',
  protocol: 'The runner of this user failed, so the use was ended.',
  failure: 'Data of the source made the runner fail, so the use was ended.',
  killed: 'The runner of this user was ended from outside.',
  closed: 'The server is stopping, so the use was ended.',
};

const remedies: Partial<Record<Ending, string>> = {
  memory: 'Ask for fewer columns or smaller values.',
  loop: 'Check that the source is what the connection says it is.',
  failure: 'Check that the source is what the connection says it is.',
  killed: 'Try again.',
  closed: 'Try again.',
};

/** The error of the uses of a runner that has ended. */
export function crashed(ending: Ending): ConnectorError {
  const remedy = remedies[ending];
  return new ConnectorError('crashed', told[ending], remedy === undefined ? {} : { remedy });
}
