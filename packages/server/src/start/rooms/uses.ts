import { createRetries } from '@mooring/connectors/kit/retries';
import { createRevocationJobs } from '../../core/credentials/grants.js';
import { createOffboarding } from '../../core/credentials/records.js';
import { createIsolation } from '../../core/isolation/isolation.js';
import { usesAtOnce, waitingAtOnce } from '../../core/isolation/open-files.js';
import { createRunnerPool } from '../../core/runners/pool.js';
import { executeInRunners } from '../../core/runners/remote-work.js';
import { executeHere } from '../../core/sessions/execute.js';
import { createRunningUses } from '../../core/sessions/running-uses.js';
import { createSessions } from '../../core/sessions/sessions.js';
import { createRecordKeeper } from '../../core/use-record/keeper.js';
import { createUseLog } from '../../core/use-record/log.js';
import type { AccessRooms } from './access.js';
import type { CredentialRooms } from './credentials.js';
import type { Given } from './given.js';
import type { SourceRooms } from './sources.js';

export type UseRooms = ReturnType<typeof useRooms>;

type Needed = Given &
  SourceRooms &
  Pick<AccessRooms, 'authenticator' | 'signInRefused'> &
  Pick<CredentialRooms, 'revoker'>;

/** Uses: where they run, what ends them, what is recorded of them. */
export function useRooms(needed: Needed) {
  const { config, log, store, vault, catalogue, gate, egressOf, revoker } = needed;
  const { limits } = config;
  const isolation = createIsolation({ limits, usesMax: usesAtOnce, waitingMax: waitingAtOnce });
  const retries = createRetries();
  const runners =
    config.runners === 0
      ? undefined
      : createRunnerPool({
          ...{ entry: needed.runnerEntry, log, retries, onRefused: gate.noteRefusal },
          runnersMax: config.runners === 'auto' ? undefined : config.runners,
          runnerMemoryMb: limits.runnerMemory,
          runnersMemoryMb: limits.runnersMemory,
          waitSeconds: limits.waitSeconds,
        });
  const execute = runners ? executeInRunners(runners, egressOf) : executeHere(catalogue, gate, retries);
  const runningUses = createRunningUses({
    store,
    isKeyAlive: needed.authenticator.isAlive,
    isSourceDisabled: needed.sourceSettings.isDisabled,
  });
  const revocationJobs = createRevocationJobs({ store, revoker, log, onEnded: runningUses.look });
  const keeper = createRecordKeeper({ store, vault, log });
  return {
    isolation,
    /** Absent where uses run in this process. */
    runners,
    sessions: createSessions({ execute, isolation, settings: config.sources }),
    runningUses,
    revocationJobs,
    offboarding: createOffboarding({ revoker, jobs: revocationJobs, clock: store.clock }),
    keeper,
    uses: createUseLog({ store, keeper, signInRefused: needed.signInRefused, log }),
  };
}
