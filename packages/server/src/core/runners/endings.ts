import { ConnectorError } from '@mooring/connectors/spec/errors';

/** Why a runner ended. `closed` is no crash. */
export type Ending = 'closed' | 'memory' | 'loop' | 'stuck' | 'protocol' | 'failure' | 'killed';

export type Crash = Exclude<Ending, 'closed'>;

/** With which a runner ends itself. */
export const exitCodes = { memory: 77, failure: 70 } as const;
/** Node's own for a heap that is full. */
const heapIsFull = { code: 134, signal: 'SIGABRT' };

/** What an end that nobody here decided was about. */
export function endingOf(code: number | null, signal: NodeJS.Signals | null): Ending {
  if (code === exitCodes.memory || code === heapIsFull.code || signal === heapIsFull.signal) return 'memory';
  return code === null ? 'killed' : 'failure';
}

const told: Readonly<Record<Ending, string>> = {
  memory: 'What the source sent took more memory than the work for one user may have, so the work was ended.',
  loop: 'What the source sent kept the work busy without end, so it was ended.',
  stuck: 'The work did not stop when it was told to, so it was ended.',
  protocol: 'The work for this user failed, and was ended.',
  failure: 'What the source sent made the work fail, and it was ended.',
  killed: 'The work for this user was ended from outside.',
  closed: 'The service is stopping, so the work was ended.',
};

const remedies: Partial<Record<Ending, string>> = {
  memory: 'Ask for fewer columns or smaller values.',
  loop: 'Check that the source is what the connection says it is.',
  failure: 'Check that the source is what the connection says it is.',
  killed: 'Try again.',
  closed: 'Try again.',
};

/** What the uses of a runner that has ended fail with. */
export function crashed(ending: Ending): ConnectorError {
  const remedy = remedies[ending];
  return new ConnectorError('crashed', told[ending], remedy === undefined ? {} : { remedy });
}
