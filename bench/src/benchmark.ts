import type { Stage } from './stage.js';

/** Condition for a measured value. */
export type Aim = { atLeast: number } | { below: number };

/** One line of the table. */
export interface Finding {
  what: string;
  ours: string;
  /** Comparison in the same run: name and value. Absent if there is none. */
  ceiling?: { name: string; value: string };
  /** Ours divided by the ceiling; more is better. */
  ratio?: number;
  /** Applies to the ratio or, without one, to `measured`. */
  aim?: Aim;
  measured?: number;
}

export interface Benchmark {
  /** For `--only`. */
  name: string;
  run(stage: Stage): Promise<Finding[]>;
}

/** True, false, or undefined without an aim. */
export function meetsAim({ aim, ratio, measured }: Finding): boolean | undefined {
  const value = ratio ?? measured;
  if (!aim || value === undefined) return undefined;
  return 'atLeast' in aim ? value >= aim.atLeast : value < aim.below;
}
