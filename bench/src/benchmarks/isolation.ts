import { setTimeout as delay } from 'node:timers/promises';
import { previewConnection } from '@mooring/contract/routes/use';
import { startBlackableRelay } from '@mooring/lab/blackable-relay';
import { startCrowd } from '@mooring/lab/crowd';
import { percentile, timed } from '@mooring/lab/percentile';
import type { Benchmark, Finding } from '../benchmark.js';
import { connectPostgres } from '../connections.js';
import { apiKey, startMooring } from '../mooring-process.js';
import type { Stage } from '../stage.js';
import { interleave, median, medianRatio } from '../statistics.js';

const callers = 200;
const samplesMin = 75;
const quietMs = 8000;
/** Longer than the silence timeout of a source, to cover both hanging callers and a paused source. */
const blackMs = 45_000;
const body = {
  query: 'SELECT n, md5(n::text) AS text FROM generate_series(1, 500) AS n',
  limit: 1000,
};

/**
 * Sequential previews of one source while 200 callers keep requesting another one that is a black hole,
 * compared with the same previews without them. The server runs with its defaults.
 */
async function run(stage: Stage): Promise<Finding[]> {
  const postgres = await stage.postgres();
  const relay = await startBlackableRelay(postgres);
  const mooring = await startMooring(await stage.freshPath('isolation'));
  try {
    const healthy = await connectPostgres(mooring, postgres);
    const troubled = await connectPostgres(mooring, { ...postgres, port: relay.port }, 'Troubled database');
    const preview = async (qID: string) => {
      await mooring.api.call(previewConnection, { params: { qID }, body });
    };
    const previews = (ms: number) =>
      timed(samplesMin, () => preview(healthy), { lastMs: stage.isQuick ? 2000 : ms });
    const untilBack = async () => {
      while (
        !(await preview(troubled).then(
          () => true,
          () => false,
        ))
      )
        await delay(500);
    };
    await previews(quietMs);
    const rounds = await interleave(stage.isQuick ? 1 : 5, {
      quiet: () => previews(quietMs),
      black: async () => {
        await untilBack();
        relay.isBlack = true;
        const crowd = startCrowd({
          url: `${mooring.url}/api/v1/data-connections/${troubled}/actions/preview`,
          ...{ key: apiKey, body: JSON.stringify(body), count: callers },
        });
        // Measured from the start of the crowd: before its first timeout, while no caller has an answer, and after it.
        const times = await previews(blackMs);
        await crowd.leave();
        relay.isBlack = false;
        return times;
      },
    });
    const finding = (what: string, of: (times: readonly number[]) => number, atLeast: number): Finding => {
      const [ours, quiet] = [rounds.black.map(of), rounds.quiet.map(of)];
      return {
        what: `preview of a source while another one with ${callers} callers is a black hole: ${what}`,
        ours: `${median(ours).toFixed(1)} ms`,
        ceiling: { name: 'the same in quiet', value: `${median(quiet).toFixed(1)} ms` },
        ratio: medianRatio(quiet, ours),
        aim: { atLeast },
      };
    };
    return [finding('median', median, 0.5), finding('p99', (times) => percentile(times, 0.99), 0.5)];
  } finally {
    await mooring.stop();
    await relay.close();
  }
}

export const isolation: Benchmark = { name: 'isolation', run };
