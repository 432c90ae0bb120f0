import { furthest, type Heads } from './chain.js';
import type { Checkpoint } from './checkpoints.js';
import type { RecordKey } from './keys.js';

/** What is known of the usage log of a tenant. */
export interface KeptRecord {
  readonly tenantId: string;
  readonly key: RecordKey;
  /** The last one with a valid signature. */
  checkpoint: Checkpoint;
  /** A later row without a valid signature: the log continues after it, and verification reports it. */
  ahead: Pick<Checkpoint, 'number' | 'hash'> | undefined;
  /** Furthest head of each shard that this process has seen. */
  readonly seen: Heads;
}

export const see = (seen: Heads, heads: Heads): void => {
  for (const [shard, head] of heads) seen.set(shard, furthest(seen.get(shard), head));
};
