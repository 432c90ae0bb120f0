import { statSync } from 'node:fs';
import { metrics } from '@mooring/contract/routes/platform';
import { openDescriptors } from '@mooring/lab/open-descriptors';
import type { MooringProcess } from '../mooring-process.js';
import { residentMebibytes } from '../process-cost.js';
import { median } from '../statistics.js';
import { trendOf } from '../trend.js';

const MEBIBYTE = 1_048_576;
const blockSeconds = 60;

/** Resources of a server at one moment. */
export interface Sample {
  /** Since the load began. */
  seconds: number;
  residentMebibytes: number;
  heapMebibytes: number;
  /** Open file descriptors, without connections of clients: their number is up to the clients. */
  descriptors: number;
  walMebibytes: number;
}

export async function takeSample(
  mooring: MooringProcess,
  dataFolder: string,
  seconds: number,
): Promise<Sample> {
  const { api, pid } = mooring;
  const text = String(await api.call(metrics));
  const heapBytes = Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]);
  return {
    seconds,
    residentMebibytes: residentMebibytes(pid),
    heapMebibytes: heapBytes / MEBIBYTE,
    descriptors: openDescriptors(mooring),
    walMebibytes: statSync(`${dataFolder}/mooring.db-wal`).size / MEBIBYTE,
  };
}

/** The samples of each whole minute, in order. */
function blocksOf(samples: readonly Sample[]): Sample[][] {
  const blocks: Sample[][] = [];
  for (const sample of samples) {
    const last = blocks.at(-1)?.[0];
    const isOfLast =
      last && Math.floor(last.seconds / blockSeconds) === Math.floor(sample.seconds / blockSeconds);
    if (isOfLast) blocks.at(-1)?.push(sample);
    else blocks.push([sample]);
  }
  // A partial last minute would weigh as much as a whole one.
  return blocks.slice(0, -1);
}

/** Trend over the minutes, in percent of the mean per hour. */
function hourly(blocks: readonly Sample[][], measure: (block: readonly Sample[]) => number): string {
  const hours = blocks.map((block) => median(block.map(({ seconds }) => seconds)) / 3600);
  const { slope, margin, mean } = trendOf(hours, blocks.map(measure));
  const percent = (value: number) => ((100 * value) / mean).toFixed(1);
  return `${percent(slope)} ± ${percent(margin)} %/h (mean ${Math.round(mean)} MiB)`;
}

const meanResident = (block: readonly Sample[]): number =>
  block.reduce((sum, sample) => sum + sample.residentMebibytes, 0) / block.length;

const range = (values: readonly number[], unit = ''): string => {
  const shown = (value: number) => `${Math.round(value * 10) / 10}${unit}`;
  return `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
};

/**
 * The results of the samples, as name and value.
 * @param warmUpSeconds ignored at the start
 * @throws RangeError when less than three minutes are left
 */
export function summarise(
  samples: readonly Sample[],
  warmUpSeconds: number,
): [what: string, value: string][] {
  const warm = samples.filter(({ seconds }) => seconds >= warmUpSeconds);
  const blocks = blocksOf(warm);
  const middle = Math.ceil(blocks.length / 2);
  const descriptors = (half: readonly Sample[][]) => median(half.flat().map((sample) => sample.descriptors));
  return [
    ['RSS, mean of each minute', hourly(blocks, meanResident)],
    [
      'heap, lowest of each minute',
      hourly(blocks, (block) => Math.min(...block.map(({ heapMebibytes }) => heapMebibytes))),
    ],
    [
      'RSS',
      range(
        warm.map((sample) => sample.residentMebibytes),
        ' MiB',
      ),
    ],
    [
      'file descriptors; median of the first half and of the second',
      `${range(warm.map((sample) => sample.descriptors))}; ${descriptors(blocks.slice(0, middle))}, ${descriptors(blocks.slice(middle))}`,
    ],
    [
      'write-ahead log, at most',
      `${Math.max(...samples.map(({ walMebibytes }) => walMebibytes)).toFixed(1)} MiB`,
    ],
  ];
}
