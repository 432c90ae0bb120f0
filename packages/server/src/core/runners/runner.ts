import type { WorkOwner } from '../sessions/execute.js';
import type { RunnerProcess } from './runner-process.js';

/** A use that needs a runner. */
export interface RunnerFor extends Pick<WorkOwner, 'tenantId' | 'userId' | 'destination'> {
  sourceId: string;
  /** Keeps a processor busy: worth a runner of its own while there is room. */
  isLong: boolean;
}

/** A runner of the pool. From its first login to its end it belongs to one user. */
export interface Runner {
  process: RunnerProcess;
  /** Undefined while it is fresh: it has held no login and is free for any user. */
  owner: string | undefined;
  /** For one use only, of a user whose use has crashed a runner. */
  isAlone: boolean;
  /** Uses assigned to it that have not ended. */
  uses: Set<RunnerFor>;
  idleTimer: NodeJS.Timeout | undefined;
}

export const ownerOf = ({ tenantId, userId }: RunnerFor): string => `${tenantId}\n${userId}`;
