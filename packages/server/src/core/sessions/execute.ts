import type { Retries } from '@mooring/connectors/spec/connector';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Gate } from '../egress/gate.js';
import type { Encoded } from '../streams/encoded-rows.js';
import { type Plan, type Surroundings, sessionWork } from './session-work.js';

/** For whom, and where. */
export interface WorkOwner {
  tenantId: string;
  userId: string;
  destination: string;
  spaceId: string | null;
}

/** Does the work of a session: here, or in a runner. */
export type Execute = (
  plan: Plan,
  owner: WorkOwner,
  hooks: Pick<Surroundings, 'accessToken' | 'signal' | 'found'>,
) => Encoded;

/** In this very process: a source that is hostile harms everybody, so it is for debugging, and for tests. */
export const executeHere =
  (catalogue: Pick<Catalogue, 'get' | 'connector'>, gate: Gate, retries: Retries): Execute =>
  (plan, { spaceId }, hooks) =>
    sessionWork(plan, {
      ...hooks,
      retries,
      gate: gate.forSpace(spaceId),
      connector: async (sourceId) => catalogue.connector(catalogue.get(sourceId)),
    });
