import type { Stage } from './stage.js';

/** What a measured value must be to meet its aim. */
export type Aim = { atLeast: number } | { below: number };

/** One line of the table. */
export interface Finding {
  what: string;
  ours: string;
  /** What it is held against in the same run: the name and its value. Absent where there is nothing to compare. */
  ceiling?: { name: string; value: string };
  /** Ours over the ceiling, where more is better. */
  ratio?: number;
  /** Held against the ratio, or where there is none against `measured`. */
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
