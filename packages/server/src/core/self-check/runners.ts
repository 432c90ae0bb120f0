import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { RunnerPool } from '../runners/pool.js';

/** Whether runners can be started. Never rejects. */
export async function checkRunners(
  runners: Pick<RunnerPool, 'tryOne'> | undefined,
): Promise<SelfCheckReply['runners']> {
  if (!runners) {
    return {
      state: 'off',
      detail: 'Connectors run in the server process, which a hostile source can end or hang.',
      remedy: 'Start the server without --runners 0 and runners: 0.',
    };
  }
  try {
    const ms = Math.round(await runners.tryOne());
    return { state: 'started', detail: `A runner was ready after ${ms} ms.` };
  } catch (error) {
    return {
      state: 'refused',
      detail: `No runner could be started: ${(error as Error).message}`,
      remedy: 'Permit the server to start processes of its own program, and give them memory.',
    };
  }
}
