import { getSelfCheck } from '@mooring/contract/routes/self-check';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { SelfCheck } from '../../../core/self-check/self-check.js';
import { type BoundRoute, bind } from '../../http/handler.js';

/** The report of the start, for administrators. */
export function createSelfCheckFeature({ selfCheck }: { selfCheck: SelfCheck }): BoundRoute[] {
  return [
    bind(getSelfCheck, async (_input, { caller }) => {
      if (!isAdministratorOf(caller, 'personal')) {
        throw new AppError('ACCESS-DENIED', 'Only tenant administrators may see the self-check.');
      }
      return { status: 200, body: await selfCheck.run() };
    }),
  ];
}
