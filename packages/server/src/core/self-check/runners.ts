import type { SelfCheckReply } from '@mooring/contract/routes/self-check';
import type { RunnerPool } from '../runners/pool.js';

/** Whether work on sources can be done in processes of its own. Never rejects. */
export async function checkRunners(
  runners: Pick<RunnerPool, 'tryOne'> | undefined,
): Promise<SelfCheckReply['runners']> {
  if (!runners) {
    return {
      state: 'off',
      detail: 'Sources are worked on in the process of the service, which a hostile one can end or hang.',
      remedy: 'Start the service without --runners 0 and runners: 0.',
    };
  }
  try {
    const ms = Math.round(await runners.tryOne());
    return { state: 'started', detail: `A process that works on sources was ready after ${ms} ms.` };
  } catch (error) {
    return {
      state: 'refused',
      detail: `No process that works on sources could be started: ${(error as Error).message}`,
      remedy: 'Let the service start processes of its own program, and give them memory.',
    };
  }
}
