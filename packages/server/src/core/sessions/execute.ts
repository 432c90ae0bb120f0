import type { Retries } from '@mooring/connectors/interface/retries';
import { sourceOf } from '@mooring/connectors/registry';
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
  hooks: Pick<Surroundings, 'token' | 'signal' | 'found'>,
) => Encoded;

/** In this process, where a hostile source affects all users: for debugging and tests only. */
export const executeHere =
  (gate: Gate, retries: Retries): Execute =>
  (plan, { spaceId }, hooks) =>
    sessionWork(plan, {
      ...hooks,
      retries,
      gate: gate.forSpace(spaceId),
      source: sourceOf,
    });
