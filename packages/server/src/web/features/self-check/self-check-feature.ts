import { getSelfCheck } from '@mooring/contract/routes/self-check';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import type { SelfCheck } from '../../../core/self-check/self-check.js';
import { type BoundRoute, bind } from '../../http/handler.js';

/** The report of the start, for administrators. */
export function createSelfCheckFeature({ selfCheck }: { selfCheck: SelfCheck }): BoundRoute[] {
  return [
    bind(getSelfCheck, async (_input, { caller }) => {
      assertTenantAdministrator(caller, 'see the self-check');
      return { status: 200, body: await selfCheck.run() };
    }),
  ];
}
