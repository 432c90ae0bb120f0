import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectPostgres } from '../connections.js';
import { type MooringProcess, startMooring } from '../mooring-process.js';
import { readRows } from '../read-rows.js';
import { surroundings } from '../report.js';
import { createStage } from '../stage.js';
import { inWords, placesOf, runLives, type Tally } from './lives.js';
import { type Sample, summarise, takeSample } from './samples.js';

const usage = `npm run soak -- [--minutes N] [--warm-up N] [--every MS] [--samples FILE] [--snapshots]
  --minutes N     how long, after the start; 120 unless given
  --warm-up N     minutes at the beginning that are not judged; 10 unless given
  --every MS      a connection is made, used and deleted this often; 1000 unless given
  --samples FILE  every sample as a line of JSON
  --snapshots     SIGUSR2 to the server writes a heap snapshot into the working directory
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    'warm-up': { type: 'string', default: '10' },
    every: { type: 'string', default: '1000' },
    samples: { type: 'string' },
    snapshots: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const sampleMs = 5000;
/** At this pace a million rows take half an hour: less than the maximum duration of a read. */
const bytesPerSecond = 60_000;

/** One reader for the whole run: it restarts at the end of the data. */
async function readThroughout(mooring: MooringProcess, id: string, secondsLeft: () => number, tally: Tally) {
  while (secondsLeft() > 0) {
    tally.requests += 1;
    const { isComplete } = await readRows(mooring, id, {
      accept: 'application/x-ndjson',
      path: ['sales', 'big'],
      slowly: { bytesPerSecond, seconds: secondsLeft() },
    });
    if (!isComplete && secondsLeft() > 1) throw new Error('it ended early');
  }
}

async function run(): Promise<void> {
  const [minutes, warmUp, everyMs] = [values.minutes, values['warm-up'], values.every].map(Number) as [
    number,
    number,
    number,
  ];
  const stage = createStage({ isQuick: false, connections: 1_000 });
  try {
    const places = placesOf(await stage.postgres(), await stage.rest());
    const dataFolder = await stage.freshPath('soaked');
    const mooring = await startMooring(dataFolder, values.snapshots ? ['--heapsnapshot-signal=SIGUSR2'] : []);
    process.stderr.write(`the server is process ${mooring.pid}\n`);
    const tally: Tally = { requests: 0, failures: [] };
    const samples: Sample[] = [];
    const long = await connectPostgres(mooring, await stage.postgres());
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    const secondsLeft = () => minutes * 60 - seconds();
    const load = Promise.all([
      runLives(mooring, { places, everyMs, secondsLeft }, tally),
      readThroughout(mooring, long, secondsLeft, tally).catch(
        (error: unknown) => void tally.failures.push(`the long read: ${inWords(error)}`),
      ),
    ]);
    while (secondsLeft() > 0) {
      await delay(sampleMs);
      samples.push(await takeSample(mooring, dataFolder, seconds()));
      if (values.samples) writeFileSync(values.samples, `${JSON.stringify(samples.at(-1))}\n`, { flag: 'a' });
    }
    await load;
    await mooring.stop();
    const { requests, failures } = tally;
    const lines = [
      ...summarise(samples, warmUp * 60),
      ['requests; failed', `${requests}; ${failures.length}`],
    ].map(([what, value]) => `| ${what} | ${value} |`);
    process.stdout.write(
      `${surroundings()} ${minutes} minutes, the first ${warmUp} of them not judged.\n\n` +
        `| what | value |\n| --- | --- |\n${lines.join('\n')}\n`,
    );
    for (const failure of failures) process.stderr.write(`${failure}\n`);
  } finally {
    await stage.close();
  }
}

if (values.help) process.stdout.write(usage);
else await run();
