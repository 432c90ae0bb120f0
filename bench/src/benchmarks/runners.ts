import type { Benchmark, Finding } from '../benchmark.js';
import { connectPostgres } from '../connections.js';
import { apiKey, type MooringProcess, startMooring } from '../mooring-process.js';
import { readRows } from '../read-rows.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const path = ['sales', 'orders'];
const table = ['sales', 'big'];
const accept = 'application/x-ndjson';
const previewsOfRound = 20;

/** Milliseconds of one preview of a few rows. */
async function preview(mooring: MooringProcess, id: string): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(`${mooring.url}/api/v1/data-connections/${id}/actions/preview`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ path, limit: 10 }),
  });
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`the preview was answered with ${answer.status}`);
  return performance.now() - begun;
}

async function warmPreview(mooring: MooringProcess, id: string): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < previewsOfRound; count += 1) times.push(await preview(mooring, id));
  return median(times);
}

/** Rows to NDJSON for two concurrent readers: seconds until both are done. */
async function twoReads(mooring: MooringProcess, id: string): Promise<number> {
  const both = await Promise.all([1, 2].map(() => readRows(mooring, id, { accept, path: table })));
  return Math.max(...both.map(({ seconds }) => seconds));
}

/** Cost of runners compared with work in the service's own process (`--runners 0`), in one run. */
async function run(stage: Stage): Promise<Finding[]> {
  const postgres = await stage.postgres();
  const open: MooringProcess[] = [];
  let count = 0;
  const start = async (flags: readonly string[]) => {
    count += 1;
    const mooring = await startMooring(await stage.freshPath(`runners-${count}`), [], {}, flags);
    open.push(mooring);
    return { mooring, id: await connectPostgres(mooring, postgres) };
  };
  const cold = (flags: readonly string[]) => async () => {
    const { mooring, id } = await start(flags);
    const ms = await preview(mooring, id);
    await mooring.stop();
    open.pop();
    return ms;
  };
  const rounds = stage.isQuick ? 2 : 5;
  const none = ['--runners', '0'];
  try {
    const first = await interleave(rounds, { runners: cold([]), inProcess: cold(none) });
    const inRunners = await start([]);
    const inProcess = await start(none);
    const both = (measure: (mooring: MooringProcess, id: string) => Promise<number>) => ({
      runners: () => measure(inRunners.mooring, inRunners.id),
      inProcess: () => measure(inProcess.mooring, inProcess.id),
    });
    const oneRead = async (mooring: MooringProcess, id: string) =>
      (await readRows(mooring, id, { accept, path: table })).seconds;
    await interleave(1, both(warmPreview));
    const warm = await interleave(rounds, both(warmPreview));
    const reads = await interleave(rounds, both(oneRead));
    const pairs = await interleave(rounds, both(twoReads));
    const ms = (values: readonly number[]) => `${median(values).toFixed(1)} ms`;
    const seconds = (values: readonly number[]) => `${median(values).toFixed(2)} s`;
    const beside = (value: string) => ({ name: 'in the process of the service', value });
    return [
      { what: 'first preview of a server', ours: ms(first.runners), ceiling: beside(ms(first.inProcess)) },
      {
        what: 'preview in a warm runner, and how many milliseconds more',
        ours: ms(warm.runners),
        ceiling: beside(ms(warm.inProcess)),
        measured: median(warm.runners) - median(warm.inProcess),
        aim: { below: 5 },
      },
      {
        what: 'PostgreSQL to NDJSON through a runner',
        ours: seconds(reads.runners),
        ceiling: beside(seconds(reads.inProcess)),
        ratio: medianRatio(reads.inProcess, reads.runners),
        aim: { atLeast: 0.9 },
      },
      {
        what: 'the same, two at a time',
        ours: seconds(pairs.runners),
        ceiling: beside(seconds(pairs.inProcess)),
        ratio: medianRatio(pairs.inProcess, pairs.runners),
      },
    ];
  } finally {
    for (const mooring of open) await mooring.stop();
  }
}

export const runners: Benchmark = { name: 'runners', run };
