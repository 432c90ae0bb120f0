import type { Retries } from '@mooring/connectors/interface/connector';
import type { Catalogue } from '../catalogue/catalogue.js';
import type { Gate } from '../egress/gate.js';
import type { Encoded } from '../streams/encoded-rows.js';
import { type Plan, type Surroundings, sessionWork } from './session-work.js';

/** The user, and the destination. */
export interface WorkOwner {
  tenantId: string;
  userId: string;
  destination: string;
  spaceId: string | null;
}

/** Executes the plan of a session: here, or in a runner. */
export type Execute = (
  plan: Plan,
  owner: WorkOwner,
  hooks: Pick<Surroundings, 'accessToken' | 'signal' | 'found'>,
) => Encoded;

/** In this process, where a hostile source affects all users: for debugging and tests only. */
export const executeHere =
  (catalogue: Pick<Catalogue, 'get' | 'connector'>, gate: Gate, retries: Retries): Execute =>
  (plan, { spaceId }, hooks) =>
    sessionWork(plan, {
      ...hooks,
      retries,
      gate: gate.forSpace(spaceId),
      connector: async (sourceId) => catalogue.connector(catalogue.get(sourceId)),
    });
