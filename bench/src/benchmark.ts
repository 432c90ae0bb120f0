import type { Stage } from './stage.js';

/** The target of a measured value. */
export type Aim = { atLeast: number } | { below: number };

/** One row of the table. */
export interface Finding {
  what: string;
  ours: string;
  /** The baseline of the same run: name and value. Absent without a baseline. */
  ceiling?: { name: string; value: string };
  /** Ours divided by the ceiling, where more is better. */
  ratio?: number;
  /** Compared with the ratio, or with `measured` without a ratio. */
  aim?: Aim;
  measured?: number;
}

export interface Benchmark {
  /** For `--only`. */
  name: string;
  run(stage: Stage): Promise<Finding[]>;
}

/** Whether the aim is met; undefined without an aim. */
export function meetsAim({ aim, ratio, measured }: Finding): boolean | undefined {
  const value = ratio ?? measured;
  if (!aim || value === undefined) return undefined;
  return 'atLeast' in aim ? value >= aim.atLeast : value < aim.below;
}
