import type { Queryable } from '../store/queryable.js';
import type { KeptRecord, KeyOfVersion } from './checkpoints.js';

export interface Broken {
  /** Absent for a checkpoint. */
  shard?: number;
  /** Place in the shard, or number of the checkpoint. */
  seq: number;
  problem: 'missing' | 'changed' | 'cut off' | 'set back' | 'head missing' | 'not the record of this head';
}

/** Progress of a proof: checkpoints and records up to `start` are proven, and some shards of the window after it. */
export interface Position {
  start: number;
  end: number;
  shard: number;
  seq: number;
}

export const textOf = ({ start, end, shard, seq }: Position): string => [start, end, shard, seq].join('.');

/** Undefined for a text that is not a position. */
export function positionOf(text: string): Position | undefined {
  const found = /^(\d{1,15})\.(\d{1,15})\.(-1|\d{1,2})\.(\d{1,15})$/.exec(text);
  if (!found) return undefined;
  const [start = 0, end = 0, shard = 0, seq = 0] = found.slice(1).map(Number);
  return { start, end, shard, seq };
}

export interface Proof {
  db: Queryable;
  kept: KeptRecord;
  keyOf: KeyOfVersion;
  until: number;
  records: number;
}

/** Ends a proof at the first record that does not verify. */
export class BrokenError extends Error {
  readonly broken: Broken;

  constructor(broken: Broken) {
    super(broken.problem);
    this.broken = broken;
  }
}

/** Ends a request whose time is over. */
export class PausedError extends Error {
  readonly shard: number;
  readonly seq: number;

  constructor(shard: number, seq: number) {
    super('the proof continues in another request');
    this.shard = shard;
    this.seq = seq;
  }
}
