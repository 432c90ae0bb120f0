import { throwIfAborted } from '../../kit/deadline.js';
import { ConnectorError } from '../../spec/errors.js';

/** What a session is doing: one thing at a time, until it has ended. */
export interface Occupancy {
  isIdle(): boolean;
  isBusy(): boolean;
  /** @throws ConnectorError while the session is busy, and once it has ended or its signal is aborted */
  claim(): void;
  /** No effect on a session that has ended. */
  release(): void;
  end(): void;
  /** Claims the session for one piece of work. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createOccupancy(signal: AbortSignal): Occupancy {
  let state: 'idle' | 'busy' | 'ended' = 'idle';

  const claim = () => {
    throwIfAborted(signal);
    if (state === 'busy') throw new ConnectorError('unsupported', 'The session is busy with another read.');
    if (state === 'ended') throw new ConnectorError('unreachable', 'The session is closed.');
    state = 'busy';
  };
  const release = () => {
    if (state === 'busy') state = 'idle';
  };
  return {
    isIdle: () => state === 'idle',
    isBusy: () => state === 'busy',
    claim,
    release,
    end() {
      state = 'ended';
    },
    async during(work) {
      claim();
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
