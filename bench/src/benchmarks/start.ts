import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Benchmark, Finding } from '../benchmark.js';
import { startMooring } from '../mooring-process.js';
import type { Stage } from '../stage.js';
import { interleave, median } from '../statistics.js';

async function startSeconds(dataFolder: string): Promise<number> {
  const mooring = await startMooring(dataFolder);
  await mooring.stop();
  return mooring.startSeconds;
}

/** Time of an empty Node program. */
async function emptyNode(): Promise<number> {
  const begun = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return (performance.now() - begun) / 1000;
}

const shown = (seconds: readonly number[]) => `${median(seconds).toFixed(2)} s`;

/** From the spawn of `mooring serve` to its ready line. */
async function run(stage: Stage): Promise<Finding[]> {
  const known = await stage.freshPath('known');
  await startSeconds(known);
  let count = 0;
  const seconds = await interleave(stage.isQuick ? 2 : 7, {
    existing: () => startSeconds(known),
    first: async () => {
      count += 1;
      return startSeconds(await stage.freshPath(`first-${count}`));
    },
    empty: emptyNode,
  });
  const ceiling = { name: 'node, with nothing to do', value: shown(seconds.empty) };
  const aim = { below: 1.5 };
  return [
    {
      what: 'start to ready, on an existing store',
      ours: shown(seconds.existing),
      ceiling,
      measured: median(seconds.existing),
      aim,
    },
    {
      what: 'start to ready, the first start',
      ours: shown(seconds.first),
      ceiling,
      measured: median(seconds.first),
      aim,
    },
  ];
}

export const start: Benchmark = { name: 'start', run };
